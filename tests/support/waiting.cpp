#include "tests/support/waiting.h"

#include <csignal>

#include <fmt/format.h>

#include "common/base/clock.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kInterval = 100ms;

volatile std::sig_atomic_t interrupted = 0;

}  // namespace

void watch_for_interrupt() {
    struct sigaction action = {};
    action.sa_handler = [](int) { interrupted = 1; };
    for (const int number : {SIGINT, SIGTERM, SIGHUP})
        sigaction(number, &action, nullptr);
}

bool is_interrupted() {
    return interrupted != 0;
}

Status wait_for(std::string_view what, std::chrono::seconds limit, const std::function<Status()>& attempt) {
    Status last;
    const auto is_done = [&] {
        if (is_interrupted()) return true;
        last = attempt();
        return last || last.error().code == Errc::process_failed;
    };
    const bool in_time = wait_until(system_clock(), Deadline(system_clock(), limit), kInterval, is_done);
    if (is_interrupted()) return Error{Errc::timeout, fmt::format("interrupted while waiting for {}", what)};
    if (last) return {};
    if (in_time) return Error{last.error().code, fmt::format("no {}: {}", what, last.error().message)};
    return Error{last.error().code, fmt::format("no {} within {} s: {}", what, limit.count(), last.error().message)};
}

}  // namespace polygon::support
