#include "common/process/signals.h"

namespace polygon::process {

AwaitedSignals::AwaitedSignals(const std::vector<int>& numbers) {
    sigemptyset(&set_);
    for (const int number : numbers)
        sigaddset(&set_, number);
    pthread_sigmask(SIG_BLOCK, &set_, nullptr);
}

std::optional<int> AwaitedSignals::next(std::chrono::milliseconds timeout) const {
    const timespec limit = {.tv_sec = timeout.count() / 1000, .tv_nsec = (timeout.count() % 1000) * 1'000'000};
    const int number = sigtimedwait(&set_, nullptr, &limit);
    return number > 0 ? std::optional(number) : std::nullopt;
}

}  // namespace polygon::process
