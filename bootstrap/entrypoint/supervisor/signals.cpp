#include "bootstrap/entrypoint/supervisor/signals.h"

#include <csignal>

namespace polygon::entrypoint {
namespace {

// Not those that a fault of our own raises: they have to end us.
sigset_t waited_for() {
    sigset_t set;
    sigfillset(&set);
    for (const int number : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT, SIGTRAP, SIGSYS})
        sigdelset(&set, number);
    return set;
}

}  // namespace

void block_signals() {
    const sigset_t set = waited_for();
    sigprocmask(SIG_BLOCK, &set, nullptr);
}

std::optional<int> next_signal(std::chrono::milliseconds timeout) {
    const sigset_t set = waited_for();
    const timespec limit = {.tv_sec = timeout.count() / 1000, .tv_nsec = (timeout.count() % 1000) * 1'000'000};
    const int number = sigtimedwait(&set, nullptr, &limit);
    if (number > 0) return number;
    return std::nullopt;
}

bool is_termination(int number) {
    return number == SIGTERM || number == SIGINT || number == SIGQUIT;
}

}  // namespace polygon::entrypoint
