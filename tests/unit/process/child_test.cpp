#include "common/process/child.h"

#include <array>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process/environment.h"
#include "common/process/orphans.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::process {
namespace {

using namespace std::chrono_literals;

Deadline soon() {
    return Deadline(system_clock(), 20s);
}

TEST_CASE("gives back both outputs and the status of a program") {
    const auto done = run({.argv = {"sh", "-c", "cat; echo err >&2; exit 3"}, .input = "text"}, system_clock(), soon());
    REQUIRE(done.has_value());
    CHECK(done->exit_status == 3);
    CHECK(done->out == "text");
    CHECK(done->err == "err\n");
}

TEST_CASE("survives a program that does not read its input") {
    const auto done = run({.argv = {"true"}, .input = std::string(1 << 20, 'x')}, system_clock(), soon());
    REQUIRE(done.has_value());
    CHECK(done->exit_status == 0);
}

TEST_CASE("what SIGPIPE does to other threads is not changed while a program runs") {
    std::array<int, 2> started = {};
    std::array<int, 2> go_on = {};
    REQUIRE(pipe(started.data()) == 0);
    REQUIRE(pipe(go_on.data()) == 0);
    ::signal(SIGPIPE, SIG_DFL);
    std::thread runner([&] {
        const std::string script = fmt::format("echo >&{}; read line <&{}", started[1], go_on[0]);
        CHECK(run({.argv = {"sh", "-c", script}, .input = std::string(1 << 20, 'x')}, system_clock(), soon())
                  .has_value());
        sigset_t blocked;
        pthread_sigmask(SIG_BLOCK, nullptr, &blocked);
        CHECK(sigismember(&blocked, SIGPIPE) == 0);
    });
    char byte = 0;
    CHECK(read(started[0], &byte, 1) == 1);
    struct sigaction now = {};
    sigaction(SIGPIPE, nullptr, &now);
    CHECK(now.sa_handler == SIG_DFL);
    CHECK(write(go_on[1], "\n", 1) == 1);
    runner.join();
    for (const int fd : {started[0], started[1], go_on[0], go_on[1]})
        close(fd);
}

TEST_CASE("a failed program is an error with the tail of its stderr") {
    const auto failed = run_checked({.argv = {"sh", "-c", "echo broken >&2; exit 4"}}, system_clock(), soon());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::process_failed);
    CHECK(failed.error().message == "'sh -c echo broken >&2; exit 4' ended with status 4: broken");
}

TEST_CASE("a program that is not there is an error that names it") {
    const auto failed = run({.argv = {"no-such-program"}}, system_clock(), soon());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "cannot run 'no-such-program': No such file or directory");
    CHECK(failed.error().hint == "Check that it is installed and in PATH.");
}

TEST_CASE("a program that outlives its deadline is killed") {
    const auto late = run({.argv = {"sleep", "600"}}, system_clock(), Deadline(system_clock(), 100ms));
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Errc::timeout);
}

TEST_CASE("a child's errors go to a file of their own where one is named, else to that of its output") {
    const support::Scratch scratch;
    const auto read = [&](const char* name) {
        std::ifstream file(scratch.path() / name);
        return std::string(std::istreambuf_iterator<char>(file), {});
    };
    const auto run_child = [&](const std::filesystem::path& errors) {
        auto child = Child::start({.argv = {"sh", "-c", "echo out; echo err >&2"},
                                   .output_file = scratch.path() / "out",
                                   .error_file = errors});
        REQUIRE(child.has_value());
        REQUIRE(child->wait(system_clock(), soon()).has_value());
    };
    run_child(scratch.path() / "err");
    CHECK(read("out") == "out\n");
    CHECK(read("err") == "err\n");
    run_child({});
    CHECK(read("out") == "out\nout\nerr\n");
    const auto failed = Child::start({.argv = {"true"}, .error_file = scratch.path() / "no" / "err"});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message ==
          "cannot open '" + (scratch.path() / "no" / "err").string() + "': No such file or directory");
}

TEST_CASE("passes exactly the environment that it is given") {
    const auto done = run({.argv = {"/usr/bin/env"}, .environment = Environment{{"A", "b c"}}}, system_clock(), soon());
    REQUIRE(done.has_value());
    CHECK(done->out == "A=b c\n");
}

TEST_CASE("a child is signalled, waited for and its status told as shells do") {
    auto child = Child::start({.argv = {"sleep", "600"}});
    REQUIRE(child.has_value());
    CHECK_FALSE(child->poll().has_value());
    child->signal(SIGTERM);
    const auto status = child->wait(system_clock(), soon());
    REQUIRE(status.has_value());
    CHECK(*status == 128 + SIGTERM);
}

TEST_CASE("a child that goes out of scope is gone") {
    pid_t pid = 0;
    {
        auto child = Child::start({.argv = {"sleep", "600"}});
        REQUIRE(child.has_value());
        pid = child->pid();
    }
    CHECK(kill(pid, 0) != 0);
}

// Waits for what a shell has written of its background process's number.
pid_t read_pid(const std::filesystem::path& file) {
    pid_t pid = 0;
    REQUIRE(wait_until(system_clock(), soon(), std::chrono::milliseconds(5),
                       [&] { return (std::ifstream(file) >> pid) && pid > 0; }));
    return pid;
}

// A zombie that nobody has reaped yet is gone as well.
bool is_gone(pid_t pid) {
    std::ifstream stat("/proc/" + std::to_string(pid) + "/stat");
    std::string number;
    std::string name;
    std::string state;
    return !(stat >> number >> name >> state) || state == "Z";
}

void check_goes(pid_t pid) {
    CHECK(wait_until(system_clock(), soon(), std::chrono::milliseconds(5), [&] { return is_gone(pid); }));
}

// Starts a second process and waits for it. No trailing command: a shell would become it.
Command shell_with_second(const std::filesystem::path& file) {
    return {.argv = {"/bin/sh", "-c", "sleep 600 & echo $! > '" + file.string() + "'; wait; exit 3"},
            .reach = Reach::group};
}

TEST_CASE("orphans end with what they have started, and a child that was there before goes on") {
    const support::Scratch scratch;
    Result<Child> started = Child::start({.argv = {"/bin/sleep", "600"}});
    REQUIRE(started);
    Child before = std::move(*started);
    pid_t second = 0;
    {
        Orphans orphans;
        REQUIRE(run_checked({.argv = {"/bin/sh", "-c",
                                      "setsid sh -c 'sleep 600 & echo $! > \"" + (scratch.path() / "pid").string() +
                                          "\"; wait; exit 3' >/dev/null 2>&1 &"}},
                            system_clock(), soon()));
        second = read_pid(scratch.path() / "pid");
        CHECK_FALSE(is_gone(second));
        REQUIRE(orphans.end(system_clock(), soon()));
        CHECK(kill(second, 0) != 0);
        CHECK_FALSE(before.poll());
        REQUIRE(orphans.end(system_clock(), soon()));
    }
    CHECK_FALSE(before.poll());
}

TEST_CASE("of a group, what the child has started is gone with it") {
    const support::Scratch scratch;
    pid_t second = 0;
    {
        auto child = Child::start(shell_with_second(scratch.path() / "pid"));
        REQUIRE(child.has_value());
        second = read_pid(scratch.path() / "pid");
        CHECK_FALSE(is_gone(second));
    }
    check_goes(second);
}

TEST_CASE("of a group, what the child leaves behind when it ends is gone too, and its status is told") {
    const support::Scratch scratch;
    const std::filesystem::path file = scratch.path() / "pid";
    auto child = Child::start(
        {.argv = {"/bin/sh", "-c", "sleep 600 & echo $! > '" + file.string() + "'; exit 3"}, .reach = Reach::group});
    REQUIRE(child.has_value());
    const auto status = child->wait(system_clock(), soon());
    REQUIRE(status.has_value());
    CHECK(*status == 3);
    check_goes(read_pid(file));
}

TEST_CASE("a group goes when its parent is killed, even by SIGKILL") {
    const support::Scratch scratch;
    const std::filesystem::path file = scratch.path() / "pid";
    const pid_t parent = fork();
    REQUIRE(parent >= 0);
    if (parent == 0) {
        const auto child = Child::start(shell_with_second(file));
        pause();
        _exit(child.has_value() ? 0 : 1);
    }
    const pid_t second = read_pid(file);
    CHECK_FALSE(is_gone(second));
    kill(parent, SIGKILL);
    waitpid(parent, nullptr, 0);
    check_goes(second);
}

TEST_CASE("a group's program that cannot be run is an error at once") {
    const auto child = Child::start({.argv = {"/no/such/program"}, .reach = Reach::group});
    REQUIRE_FALSE(child.has_value());
    CHECK(child.error().code == Errc::process_failed);
    CHECK_THAT(child.error().message, ContainsText("cannot run '/no/such/program'"));
}

TEST_CASE("reads what another process was started with") {
    auto child =
        Child::start({.argv = {"sleep", "600"}, .environment = Environment{{"PATH", "/usr/bin:/bin"}, {"X", "1=2"}}});
    REQUIRE(child.has_value());
    // The kernel closes what exec closes before it has laid out the arguments.
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 10s), 1ms,
                       [&] { return !read_command_line(child->pid()).value_or({}).empty(); }));
    CHECK(read_environment(child->pid())->at("X") == "1=2");
    CHECK(*read_command_line(child->pid()) == std::vector<std::string>{"sleep", "600"});
}

}  // namespace
}  // namespace polygon::process
