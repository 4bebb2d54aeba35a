#include "bootstrap/restore/commands/supervised.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include <sched.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/process/child.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

struct Seen {
    Result<int> result = 0;
    int undone = 0;
    Ending ending;
};

// Both processes come back from run_supervised(): the child ends here with its status, as main() would.
Seen supervise(
    const std::function<Status()>& work, const std::function<void()>& undo = [] {}) {
    Seen seen;
    const pid_t parent = getpid();
    seen.result = run_supervised(work, [&](const Ending& ending) {
        ++seen.undone;
        seen.ending = ending;
        undo();
    });
    if (getpid() != parent) _exit(seen.result ? *seen.result : exit_status(seen.result.error().code));
    return seen;
}

TEST_CASE("work that succeeds is not undone") {
    const Seen seen = supervise([] { return Status(); });
    CHECK(seen.result.value_or(-1) == 0);
    CHECK(seen.undone == 0);
}

TEST_CASE("work that fails is undone, and its exit status is passed on") {
    const Seen seen = supervise([] { return Status(Error{Errc::backup_corrupt, "damaged", ""}); });
    CHECK(seen.result.value_or(-1) == exit_status(Errc::backup_corrupt));
    CHECK(seen.undone == 1);
    CHECK(describe(seen.ending).empty());
}

TEST_CASE("a signal to the parent kills the work, which need not reach any safe point, and undoes it") {
    const pid_t parent = getpid();
    const Seen seen = supervise([&] {
        kill(parent, SIGTERM);
        while (true)
            pause();
        return Status();
    });
    CHECK(seen.result.value_or(-1) == 128 + SIGTERM);
    CHECK(seen.undone == 1);
    CHECK(describe(seen.ending) == "interrupted by signal 15");
}

TEST_CASE("the work is undone when the programs that it ran have ended, too") {
    const support::Scratch scratch;
    const std::filesystem::path file = scratch.path() / "written";
    const pid_t parent = getpid();
    bool is_written_again = false;
    const Seen seen = supervise(
        [&] {
            const auto writer = process::Child::start(
                {.argv = {"sh", "-c", "while :; do : >\"$0\"; done", file.string()}, .reach = process::Reach::group});
            while (!std::filesystem::exists(file))
                sched_yield();
            kill(parent, SIGTERM);
            while (true)
                pause();
            return Status();
        },
        [&] {
            std::filesystem::remove(file);
            for (int i = 0; i < 10000; ++i)
                sched_yield();
            is_written_again = std::filesystem::exists(file);
        });
    CHECK(seen.result.value_or(-1) == 128 + SIGTERM);
    CHECK_FALSE(is_written_again);
}

TEST_CASE("the work does not hear the terminal's Ctrl-C, the parent decides") {
    const Seen seen = supervise([] {
        raise(SIGINT);
        return Status();
    });
    CHECK(seen.result.value_or(-1) == 0);
}

TEST_CASE("work that is killed by somebody else is undone, and that is an error") {
    const Seen seen = supervise([] {
        raise(SIGKILL);
        return Status();
    });
    REQUIRE_FALSE(seen.result.has_value());
    CHECK(seen.result.error().code == Errc::process_failed);
    CHECK(seen.result.error().message == "the process that did the work was killed by signal 9");
    CHECK(seen.undone == 1);
}

}  // namespace
}  // namespace polygon::bootstrap
