// The program on a terminal, with an operator who answers.
#include <array>
#include <cerrno>
#include <csignal>

#include <fcntl.h>
#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/integration/rebuild/desk.h"

namespace polygon::rebuild {
namespace {

using etcd::Phase;

class Terminal {
  public:
    Terminal(Desk& desk, std::vector<std::string> arguments) : desk_(desk) {
        const std::vector<std::string> argv = desk.command(std::move(arguments));
        winsize size{.ws_row = 24, .ws_col = 100};
        pid_ = forkpty(&master_, nullptr, nullptr, &size);
        REQUIRE(pid_ >= 0);
        if (pid_ == 0) {
            std::vector<char*> raw;
            for (const std::string& argument : argv)
                raw.push_back(const_cast<char*>(argument.c_str()));
            raw.push_back(nullptr);
            setenv("TERM", "xterm", 1);
            execv(raw[0], raw.data());
            _exit(99);
        }
        fcntl(master_, F_SETFL, O_NONBLOCK);
    }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    ~Terminal() {
        if (!status_) {
            kill(pid_, SIGKILL);
            waitpid(pid_, nullptr, 0);
        }
        close(master_);
    }

    void type(const std::string& keys) { REQUIRE(write(master_, keys.data(), keys.size()) > 0); }

    // The agents work meanwhile.
    template <class Condition>
    void until(Condition&& condition) {
        const bool has_come = wait_until(system_clock(), Deadline(system_clock(), kLongest), 20ms, [&] {
            desk_.polygon().step();
            read_screen();
            return condition() || has_ended();
        });
        INFO(screen_);
        REQUIRE(has_come);
    }
    void until_shown(const std::string& text) {
        until([&] { return screen_.find(text) != std::string::npos; });
        INFO(screen_);
        REQUIRE(screen_.find(text) != std::string::npos);
    }
    int end() {
        until([&] { return false; });
        return *status_;
    }
    const std::string& screen() const { return screen_; }

  private:
    void read_screen() {
        std::array<char, 4096> buffer{};
        for (ssize_t got = read(master_, buffer.data(), buffer.size()); got > 0;
             got = read(master_, buffer.data(), buffer.size()))
            screen_.append(buffer.data(), static_cast<std::size_t>(got));
    }
    bool has_ended() {
        int status = 0;
        if (!status_ && waitpid(pid_, &status, WNOHANG) == pid_) {
            status_ = process::to_exit_status(status);
            read_screen();
        }
        return status_.has_value();
    }

    Desk& desk_;
    pid_t pid_ = -1;
    int master_ = -1;
    std::string screen_;
    std::optional<int> status_;
};

constexpr const char* kCtrlC = "\x03";

TEST_CASE("on a terminal a rebuild that is not agreed to is not begun") {
    Desk desk;
    Terminal terminal(desk, {"run"});
    terminal.until_shown("Rebuild the polygon now? [y]es, [n]o:");
    terminal.type("maybe\nn\n");
    CHECK(terminal.end() == exit_status(Errc::refused));
    CHECK_THAT(terminal.screen(), ContainsText("the rebuild was not agreed to"));
    CHECK(desk.polygon().phase().empty());
}

TEST_CASE("Ctrl-C asks: to go on goes on, to roll back rolls back; the nodes are a table that is redrawn") {
    Desk desk;
    desk.polygon().keep_behind();
    Terminal terminal(desk, {"run"});
    terminal.until_shown("Rebuild the polygon now?");
    terminal.type("y\n");
    terminal.until_shown("polygon2 to follow");
    CHECK_THAT(terminal.screen(), ContainsText("  polygon3  replica     done, Patroni runs"));
    CHECK_THAT(terminal.screen(), ContainsText("\x1b[A\x1b[K"));
    terminal.type(kCtrlC);
    terminal.until_shown("[c]ontinue, [d]etach, or [r]oll back?");
    terminal.type("c\n");
    // Only who goes on draws the table again.
    terminal.until([&] { return terminal.screen().rfind("to follow") > terminal.screen().rfind("roll back?") + 1; });
    CHECK(desk.polygon().phase() == "replicas");
    terminal.type(kCtrlC);
    terminal.until([&] { return terminal.screen().rfind("roll back?") > terminal.screen().rfind("to follow"); });
    terminal.type("r\n");
    CHECK(terminal.end() == exit_status(Errc::rolled_back));
    CHECK_THAT(terminal.screen(), ContainsText("rolled back on request"));
    CHECK(desk.polygon().phase() == "rolled-back");
}

TEST_CASE("Ctrl-C and detach leaves the rebuild to resume") {
    Desk desk;
    Terminal terminal(desk, {"run", "--yes"});
    terminal.until([&] { return desk.polygon().phase() == "replicas"; });
    terminal.type(kCtrlC);
    terminal.until_shown("[d]etach");
    terminal.type("d\n");
    CHECK(terminal.end() == 128 + SIGINT);
    CHECK_THAT(terminal.screen(), ContainsText("detached; polygon-rebuild resume goes on with the rebuild"));
    CHECK(desk.polygon().phase() == "replicas");
}

}  // namespace
}  // namespace polygon::rebuild
