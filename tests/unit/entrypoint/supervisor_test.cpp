#include "bootstrap/entrypoint/supervisor.h"

#include <csignal>

#include <sys/wait.h>
#include <unistd.h>

#include "bootstrap/entrypoint/signals.h"
#include "common/process/child.h"
#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

// In a process of its own: it blocks signals and becomes a subreaper.
pid_t supervise_apart(const std::vector<std::string>& command) {
    const pid_t pid = fork();
    if (pid != 0) return pid;
    block_signals();
    const Result<int> status = supervise(command);
    _exit(status ? *status : 99);
}

int wait_for(pid_t pid) {
    int status = 0;
    waitpid(pid, &status, 0);
    return process::to_exit_status(status);
}

TEST_CASE("ends with its child's exit status") {
    CHECK(wait_for(supervise_apart({"sh", "-c", "exit 7"})) == 7);
    CHECK(wait_for(supervise_apart({"sh", "-c", "kill -9 $$"})) == 137);
}

TEST_CASE("an orphan that falls to it does not end it") {
    CHECK(wait_for(supervise_apart({"sh", "-c", "(sh -c 'exit 3' &) ; sleep 0.2; exit 5"})) == 5);
}

TEST_CASE("forwards a signal to its child") {
    // The child says by a pipe that its trap is set, so that the signal cannot come too early.
    int ready[2] = {};
    REQUIRE(pipe(ready) == 0);
    const pid_t pid = supervise_apart(
        {"sh", "-c", "trap 'exit 42' TERM; echo >&" + std::to_string(ready[1]) + "; while :; do sleep 0.05; done"});
    close(ready[1]);
    char byte = 0;
    REQUIRE(read(ready[0], &byte, 1) == 1);
    close(ready[0]);
    kill(pid, SIGTERM);
    CHECK(wait_for(pid) == 42);
}

TEST_CASE("a program that cannot be started is an error") {
    const pid_t pid = supervise_apart({"no-such-program"});
    CHECK(wait_for(pid) == 99);
}

}  // namespace
}  // namespace polygon::entrypoint
