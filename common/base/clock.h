// Time as a dependency: the one place that sleeps, and deadlines for the loops that wait.
#pragma once

#include <algorithm>
#include <chrono>
#include <optional>
#include <string>

namespace polygon {

class Clock {
  public:
    using Instant = std::chrono::steady_clock::time_point;

    virtual ~Clock() = default;
    virtual Instant now() const = 0;
    virtual std::chrono::system_clock::time_point wall() const = 0;
    virtual void sleep(std::chrono::milliseconds duration) = 0;
};

// The machine's own clock.
Clock& system_clock();

// A point in time that a loop must not pass.
class Deadline {
  public:
    Deadline(const Clock& clock, std::chrono::milliseconds from_now) : clock_(&clock), at_(clock.now() + from_now) {}

    bool has_passed() const { return clock_->now() >= at_; }
    // Never negative.
    std::chrono::milliseconds remaining() const;

  private:
    const Clock* clock_;
    Clock::Instant at_;
};

// Calls `is_done` (returning bool) every `interval` until it is true or the deadline has passed; says whether it was.
template <class Condition>
bool wait_until(Clock& clock, const Deadline& deadline, std::chrono::milliseconds interval, Condition&& is_done) {
    while (!is_done()) {
        if (deadline.has_passed()) return false;
        clock.sleep(std::min(interval, deadline.remaining() + std::chrono::milliseconds(1)));
    }
    return true;
}

// "2026-11-20T03:00:00Z".
std::string format_utc(std::chrono::system_clock::time_point time);
// The same back, and "2026-11-20 03:00:00 GMT" as backups have it; nothing for another text.
std::optional<std::chrono::system_clock::time_point> parse_utc(const std::string& text);

}  // namespace polygon
