#include "common/base/clock.h"

#include <ctime>
#include <thread>

#include <fmt/chrono.h>

namespace polygon {
namespace {

class SystemClock final : public Clock {
  public:
    Instant now() const override { return std::chrono::steady_clock::now(); }
    std::chrono::system_clock::time_point wall() const override { return std::chrono::system_clock::now(); }
    void sleep(std::chrono::milliseconds duration) override { std::this_thread::sleep_for(duration); }
};

}  // namespace

Clock& system_clock() {
    static SystemClock clock;
    return clock;
}

std::chrono::milliseconds Deadline::remaining() const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(at_ - clock_->now());
    return std::max(left, std::chrono::milliseconds(0));
}

std::string format_utc(std::chrono::system_clock::time_point time) {
    return fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::chrono::system_clock::to_time_t(time)));
}

std::optional<std::chrono::system_clock::time_point> parse_utc(const std::string& text) {
    for (const char* format : {"%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%d %H:%M:%S GMT", "%Y-%m-%d %H:%M:%S UTC"}) {
        std::tm time = {};
        const char* end = ::strptime(text.c_str(), format, &time);
        if (end != nullptr && *end == '\0') return std::chrono::system_clock::from_time_t(::timegm(&time));
    }
    return std::nullopt;
}

}  // namespace polygon
