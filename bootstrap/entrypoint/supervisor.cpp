#include "bootstrap/entrypoint/supervisor.h"

#include <chrono>
#include <csignal>

#include <sys/prctl.h>
#include <sys/wait.h>

#include "bootstrap/entrypoint/signals.h"
#include "common/base/log.h"
#include "common/process/child.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

// Reaps all that have ended, orphans that fell to us included; the exit status of `main_child` once it is among them.
std::optional<int> reap(pid_t main_child) {
    std::optional<int> exit_status;
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        if (pid == main_child) exit_status = process::to_exit_status(status);
    }
    return exit_status;
}

}  // namespace

Result<int> supervise(const std::vector<std::string>& command) {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // outside a container we are not PID 1, and reap all the same
    process::Child child = TRY(process::Child::start({.argv = command, .death_signal = SIGTERM}));
    const pid_t pid = child.release();
    log_info("started", {{"command", command.front()}, {"pid", pid}});
    while (true) {
        const std::optional<int> number = next_signal(1s);
        if (const std::optional<int> exit_status = reap(pid)) return *exit_status;
        if (number && *number != SIGCHLD) ::kill(pid, *number);
    }
}

}  // namespace polygon::entrypoint
