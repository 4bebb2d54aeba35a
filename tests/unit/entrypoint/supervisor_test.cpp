#include "bootstrap/entrypoint/supervisor/supervisor.h"

#include <csignal>
#include <functional>
#include <thread>

#include <pty.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bootstrap/entrypoint/supervisor/signals.h"
#include "common/process/child.h"
#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

using Worker = std::function<void(Supervisor&)>;

// In a process of its own: it blocks signals and becomes a subreaper. `work` is what the agent's thread does; then it
// lives on, as the agent does.
pid_t supervise_apart(std::vector<std::string> command, const Worker& work) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    block_signals();
    Supervisor supervisor(std::move(command), system_clock());
    std::thread([&] {
        work(supervisor);
        while (true)
            pause();
    }).detach();
    const Result<int> status = supervisor.run();
    _exit(status ? *status : 99);
}

void start(Supervisor& supervisor) {
    if (const Status started = supervisor.start_patroni(); !started) supervisor.give_up(started.error());
}

int wait_for(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return process::to_exit_status(status);
}

// By which a process in a test says that it is where the test wants it.
class Ready {
  public:
    Ready() { REQUIRE(pipe(ends_) == 0); }
    Ready(const Ready&) = delete;
    Ready& operator=(const Ready&) = delete;
    ~Ready() { close(ends_[0]); }

    std::string say() const { return "echo >&" + std::to_string(ends_[1]); }
    int write_end() const { return ends_[1]; }
    void wait() {
        close(ends_[1]);
        char byte = 0;
        REQUIRE(read(ends_[0], &byte, 1) == 1);
    }

  private:
    int ends_[2] = {};
};

bool wait_for_state(const Supervisor& supervisor, PatroniState state) {
    return wait_until(system_clock(), Deadline(system_clock(), 20s), 5ms,
                      [&] { return supervisor.patroni().state == state; });
}

// A Patroni that ends with 42 when it is told to.
std::vector<std::string> obedient(const Ready& ready) {
    return {"sh", "-c", "trap 'exit 42' TERM; " + ready.say() + "; while :; do sleep 0.05; done"};
}

TEST_CASE("ends with Patroni's exit status") {
    CHECK(wait_for(supervise_apart({"sh", "-c", "exit 7"}, start)) == 7);
    CHECK(wait_for(supervise_apart({"sh", "-c", "kill -9 $$"}, start)) == 137);
}

TEST_CASE("an orphan that falls to it does not end it") {
    CHECK(wait_for(supervise_apart({"sh", "-c", "(sh -c 'exit 3' &) ; sleep 0.2; exit 5"}, start)) == 5);
}

TEST_CASE("forwards a signal to Patroni, and ends with its status") {
    Ready ready;
    const pid_t pid = supervise_apart(obedient(ready), start);
    ready.wait();
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == 42);
}

TEST_CASE("a signal reaches Patroni while the other thread hangs") {
    Ready ready;
    const pid_t pid = supervise_apart(obedient(ready), [](Supervisor& supervisor) {
        start(supervisor);
        system_clock().sleep(600s);  // as in a call to an etcd that does not answer
    });
    ready.wait();
    const auto sent = system_clock().now();
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == 42);
    CHECK(system_clock().now() - sent < 60s);
}

TEST_CASE("other signals go to Patroni and do not end it") {
    Ready ready;
    const pid_t pid =
        supervise_apart({"sh", "-c", "trap 'exit 9' HUP; " + ready.say() + "; while :; do sleep 0.05; done"}, start);
    ready.wait();
    kill(pid, SIGHUP);
    CHECK(wait_for(pid) == 9);
}

// The master side of a terminal whose foreground process group a supervisor leads.
struct Terminal {
    pid_t supervisor = 0;
    int master = -1;

    explicit Terminal(const std::vector<std::string>& command) {
        supervisor = forkpty(&master, nullptr, nullptr, nullptr);
        if (supervisor != 0) return;
        block_signals();  // in the terminal's foreground group too, as a shell's script is
        const pid_t inner = supervise_apart(command, start);
        _exit(wait_for(inner));
    }
    ~Terminal() { close(master); }
    Terminal(const Terminal&) = delete;
    Terminal& operator=(const Terminal&) = delete;
    void press(char key) const { REQUIRE(write(master, &key, 1) == 1); }
};

// Says how often it was interrupted until it is told to end; with 99 if the terminal itself would interrupt it.
std::vector<std::string> counting(const Ready& ready) {
    return {"bash", "-c",
            "n=0; trap 'n=$((n+1))' INT; trap 'exit $n' TERM; stat=$(</proc/$$/stat); set -- ${stat##*) }; "
            "[ $3 != $6 ] || exit 99; " +
                ready.say() + "; while :; do [ $n = 0 ] || kill $$; sleep 0.05; done"};
}

TEST_CASE("Ctrl-C on a terminal reaches Patroni once, by what is forwarded") {
    Ready ready;
    const Terminal terminal(counting(ready));
    ready.wait();
    terminal.press('\x03');
    CHECK(wait_for(terminal.supervisor) == 1);
}

TEST_CASE("what asks for a password on the terminal gets none, and is not stopped") {
    Ready ready;
    const Terminal terminal({"bash", "-c", "read line < /dev/tty; " + ready.say() + "; exit $(($? + 41))"});
    ready.wait();
    CHECK(wait_for(terminal.supervisor) == 41);
}

TEST_CASE("a second SIGINT does not interrupt Patroni's shutdown, and a SIGTSTP does not stop it") {
    Ready ready;
    const pid_t pid = supervise_apart({"bash", "-c",
                                       "trap 'trap \"exit 9\" INT; kill -INT $PPID; sleep 1; exit 42' INT; " +
                                           ready.say() + "; while :; do sleep 0.05; done"},
                                      start);
    ready.wait();
    kill(pid, SIGTSTP);
    kill(pid, SIGINT);
    CHECK(wait_for(pid) == 42);
}

TEST_CASE("a SIGINT does not interrupt the shutdown of a Patroni that a rebuild stops") {
    Ready ready;
    const pid_t pid = supervise_apart({"bash", "-c",
                                       "trap 'trap \"exit 9\" INT; kill -INT $PPID; sleep 1; exit 42' TERM; " +
                                           ready.say() + "; while :; do sleep 0.05; done"},
                                      [&](Supervisor& supervisor) {
                                          start(supervisor);
                                          ready.wait();
                                          supervisor.stop_patroni();
                                      });
    CHECK(wait_for(pid) == 42);
}

TEST_CASE("a termination signal without a Patroni ends it with 0, and helpers too") {
    Ready ready;
    const pid_t pid = supervise_apart({"true"}, [&](Supervisor& supervisor) {
        const auto helper = supervisor.start({.argv = {"sh", "-c", ready.say() + "; exec sleep 600"}});
        if (!helper) supervisor.give_up(helper.error());
    });
    ready.wait();
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == 0);
}

TEST_CASE("a Patroni that cannot be started is an error") {
    CHECK(wait_for(supervise_apart({"no-such-program"}, start)) == 99);
}

TEST_CASE("a Patroni that was stopped on purpose does not end it, and can be started again") {
    const pid_t pid = supervise_apart({"sleep", "600"}, [](Supervisor& supervisor) {
        start(supervisor);
        supervisor.stop_patroni();
        if (!wait_for_state(supervisor, PatroniState::stopped)) _exit(50);
        start(supervisor);
        if (supervisor.patroni().state != PatroniState::running) _exit(51);
        kill(getpid(), SIGTERM);
    });
    CHECK(wait_for(pid) == 128 + SIGTERM);
}

TEST_CASE("only a Patroni that was told to stop is killed, not the one that was started after it") {
    Ready ready;
    const pid_t pid =
        supervise_apart({"sh", "-c", "trap '' TERM; " + ready.say() + "; exec sleep 600"}, [&](Supervisor& supervisor) {
            const auto stays = [&](PatroniState state) {
                system_clock().sleep(200ms);
                return supervisor.patroni().state == state;
            };
            start(supervisor);
            ready.wait();
            supervisor.kill_patroni("not told to stop");
            if (!stays(PatroniState::running)) _exit(50);
            supervisor.stop_patroni();
            if (!stays(PatroniState::stopping)) _exit(51);
            supervisor.kill_patroni("it does not end");
            if (!wait_for_state(supervisor, PatroniState::stopped)) _exit(52);
            start(supervisor);
            supervisor.kill_patroni("another's order");
            if (!stays(PatroniState::running)) _exit(53);
            supervisor.stop_patroni();
            supervisor.kill_patroni("it does not end");
            if (!wait_for_state(supervisor, PatroniState::stopped)) _exit(54);
            kill(getpid(), SIGTERM);
        });
    CHECK(wait_for(pid) == 0);
}

TEST_CASE("where a rebuild would lose its answer, Patroni's own end is noted and this process stays") {
    const pid_t pid = supervise_apart({"sh", "-c", "exit 7"}, [](Supervisor& supervisor) {
        supervisor.set_after_patroni(AfterPatroni::stay);
        start(supervisor);
        if (!wait_for_state(supervisor, PatroniState::ended)) _exit(50);
        if (supervisor.patroni().exit_status != 7 || supervisor.is_ending()) _exit(51);
        kill(getpid(), SIGTERM);
    });
    CHECK(wait_for(pid) == 0);
}

TEST_CASE("nothing is started once the end has begun") {
    Ready ready;
    const pid_t pid = supervise_apart({"sleep", "600"}, [&](Supervisor& supervisor) {
        // A helper that takes its time keeps the end from being over.
        const auto helper = supervisor.start(
            {.argv = {"sh", "-c", "trap 'sleep 1; exit 0' TERM; " + ready.say() + "; while :; do sleep 0.05; done"}});
        if (!helper) _exit(50);
        wait_until(system_clock(), Deadline(system_clock(), 20s), 5ms, [&] { return supervisor.is_ending(); });
        const Status late = supervisor.start_patroni();
        if (late || late.error().code != Errc::conflict) _exit(51);
        if (supervisor.start({.argv = {"true"}})) _exit(52);
    });
    ready.wait();
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == 0);
}

}  // namespace
}  // namespace polygon::entrypoint
