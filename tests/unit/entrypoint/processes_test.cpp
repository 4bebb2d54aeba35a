#include "bootstrap/entrypoint/supervisor/processes.h"

#include <atomic>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/base/clock.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

std::optional<int> reap_until_ended(Processes& processes, pid_t pid) {
    wait_until(system_clock(), Deadline(system_clock(), 20s), 5ms, [&] {
        processes.reap();
        return processes.exit_status(pid).has_value();
    });
    return processes.exit_status(pid);
}

TEST_CASE("each child's exit status is kept until it is forgotten") {
    Processes processes;
    const auto one = processes.start({.argv = {"sh", "-c", "exit 3"}});
    const auto two = processes.start({.argv = {"sh", "-c", "kill -TERM $$"}});
    REQUIRE((one && two));
    CHECK(reap_until_ended(processes, *two) == 128 + SIGTERM);
    CHECK(reap_until_ended(processes, *one) == 3);
    CHECK_FALSE(processes.is_any_running());
    processes.forget(*one);
    CHECK_FALSE(processes.exit_status(*one).has_value());
    CHECK(processes.exit_status(*two).has_value());
}

TEST_CASE("a program that is not there is an error and no child") {
    Processes processes;
    CHECK_FALSE(processes.start({.argv = {"no-such-program"}}).has_value());
    CHECK_FALSE(processes.is_any_running());
}

TEST_CASE("a signal goes to a running child alone, never to a number that is not ours") {
    Processes processes;
    const auto spared = processes.start({.argv = {"sleep", "600"}});
    const auto meant = processes.start({.argv = {"sleep", "600"}});
    REQUIRE((spared && meant));
    processes.signal(getpid(), SIGKILL);  // not a child: this test goes on
    processes.signal_all_but(*spared, SIGTERM);
    CHECK(reap_until_ended(processes, *meant) == 128 + SIGTERM);
    CHECK_FALSE(processes.exit_status(*spared).has_value());
    processes.signal(*spared, SIGKILL);
    CHECK(reap_until_ended(processes, *spared) == 128 + SIGKILL);
}

TEST_CASE("an orphan that falls to this process is reaped, and is no child of the registry") {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    Processes processes;
    const auto parent = processes.start({.argv = {"sh", "-c", "sleep 0.1 & exit 4"}});
    REQUIRE(parent.has_value());
    CHECK(reap_until_ended(processes, *parent) == 4);
    CHECK_FALSE(processes.is_any_running());
    // Nothing is left to wait for once the orphan was reaped.
    CHECK(wait_until(system_clock(), Deadline(system_clock(), 20s), 5ms, [&] {
        processes.reap();
        siginfo_t ended = {};
        return waitid(P_ALL, 0, &ended, WEXITED | WNOHANG | WNOWAIT) != 0 && errno == ECHILD;
    }));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

TEST_CASE("a process is at work while a child of it lives, whatever its name, and while it has a directory open") {
    const support::Scratch scratch;
    std::filesystem::create_symlink("/bin/sleep", scratch.path() / ") S 1 (");
    const std::string quoted = "'" + scratch.path().string();
    const auto becomes = [](pid_t pid, bool wanted) {
        return wait_until(system_clock(), Deadline(system_clock(), 20s), 1ms,
                          [&] { return is_at_work(pid) == wanted; });
    };
    Processes processes;
    const auto parent = processes.start({.argv = {"sh", "-c", quoted + "/) S 1 (' 0.5; exec sleep 600"}});
    REQUIRE(parent.has_value());
    CHECK(becomes(*parent, true));
    CHECK(becomes(*parent, false));
    const auto remover = processes.start({.argv = {"sh", "-c", "exec 3< " + quoted + "'; exec sleep 600"}});
    REQUIRE(remover.has_value());
    CHECK(becomes(*remover, true));
    for (const pid_t pid : {*parent, *remover}) {
        processes.signal(pid, SIGKILL);
        CHECK(reap_until_ended(processes, pid) == 128 + SIGKILL);
    }
}

TEST_CASE("no child is lost between its start in one thread and the reaping in another") {
    Processes processes;
    std::atomic<bool> is_over = false;
    std::thread reaper([&] {
        while (!is_over)
            processes.reap();
    });
    int seen = 0;
    for (int i = 0; i < 50; ++i) {
        const auto pid = processes.start({.argv = {"true"}});
        REQUIRE(pid.has_value());
        if (wait_until(system_clock(), Deadline(system_clock(), 20s), 1ms,
                       [&] { return processes.exit_status(*pid).has_value(); })) {
            ++seen;
        }
        processes.forget(*pid);
    }
    is_over = true;
    reaper.join();
    CHECK(seen == 50);
}

}  // namespace
}  // namespace polygon::entrypoint
