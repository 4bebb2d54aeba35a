#include "bootstrap/restore/commands/supervised.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <ctime>
#include <utility>

#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polygon::bootstrap {
namespace {

constexpr std::array kEndings = {SIGINT, SIGTERM, SIGQUIT, SIGHUP};

// Those that would end us: under nohup SIGHUP would not.
sigset_t endings() {
    sigset_t set;
    sigemptyset(&set);
    for (const int number : kEndings) {
        struct sigaction action = {};
        sigaction(number, nullptr, &action);
        if (action.sa_handler != SIG_IGN) sigaddset(&set, number);
    }
    return set;
}

// Ctrl-C reaches the whole foreground group: what it means is the parent's to decide, for the child's children too.
void become_worker(pid_t parent, const sigset_t& former_mask) {
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent) _exit(128 + SIGKILL);  // it died before the line above
    for (const int number : kEndings)
        std::signal(number, SIG_IGN);
    sigprocmask(SIG_SETMASK, &former_mask, nullptr);
}

// Gives the child's wait status, and the signal that we were sent meanwhile (else 0).
std::pair<int, int> await_end(pid_t child, const sigset_t& waited_for) {
    int wait_status = 0;
    while (::waitpid(child, &wait_status, WNOHANG) == 0) {
        const int number = sigwaitinfo(&waited_for, nullptr);
        if (number <= 0 || number == SIGCHLD) continue;
        ::kill(child, SIGKILL);
        while (::waitpid(child, &wait_status, 0) < 0 && errno == EINTR)
            continue;
        return {wait_status, number};
    }
    return {wait_status, 0};
}

// What the child had started dies with it, but not at the same moment: whoever removes what was written comes after the
// last write. As long as that may take and not for ever: a child that somebody else left us is not ours to wait for.
void await_descendants() {
    constexpr int kSeconds = 10;
    sigset_t child_ended;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    const timespec second = {.tv_sec = 1, .tv_nsec = 0};
    for (int waited = 0; waited < kSeconds;) {
        const pid_t ended = ::waitpid(-1, nullptr, WNOHANG);
        if (ended < 0 && errno == ECHILD) return;
        if (ended == 0 && sigtimedwait(&child_ended, nullptr, &second) < 0) ++waited;
    }
}

}  // namespace

std::string describe(const Ending& ending) {
    if (ending.interrupted_by != 0) return fmt::format("interrupted by signal {}", ending.interrupted_by);
    if (ending.killed_by != 0)
        return fmt::format("the process that did the work was killed by signal {}", ending.killed_by);
    return "";
}

Result<int> run_supervised(const std::function<Status()>& work, const std::function<void(const Ending&)>& undo) {
    sigset_t waited_for = endings();
    sigaddset(&waited_for, SIGCHLD);
    std::signal(SIGCHLD, SIG_DFL);  // ignored by whoever called us, there would be no status to wait for
    sigset_t former_mask;
    sigprocmask(SIG_BLOCK, &waited_for, &former_mask);
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // the child's children become ours
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child < 0) return errno_error(Errc::process_failed, "cannot start a process for the work", errno);
    if (child == 0) {
        become_worker(parent, former_mask);
        TRY(work());
        return 0;
    }
    const auto [wait_status, signal] = await_end(child, waited_for);
    const bool has_exited = WIFEXITED(wait_status);
    if (has_exited && WEXITSTATUS(wait_status) == 0) return 0;
    await_descendants();
    const Ending ending{.interrupted_by = signal, .killed_by = has_exited || signal != 0 ? 0 : WTERMSIG(wait_status)};
    undo(ending);
    if (signal != 0) return 128 + signal;
    if (has_exited) return WEXITSTATUS(wait_status);
    return Error{Errc::process_failed, describe(ending),
                 "Look into the kernel's log whether memory ran out. What had been written is removed."};
}

}  // namespace polygon::bootstrap
