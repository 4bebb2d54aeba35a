// A clock that stands still until it is told to move on.
#pragma once

#include <chrono>

#include "common/base/clock.h"

namespace polygon::support {

class FakeClock final : public Clock {
  public:
    Instant now() const override { return Instant(elapsed_); }
    // 2026-11-20T03:00:00Z at first.
    std::chrono::system_clock::time_point wall() const override {
        return std::chrono::system_clock::time_point(std::chrono::seconds(1'795'143'600) + elapsed_);
    }
    void sleep(std::chrono::milliseconds duration) override { elapsed_ += duration; }
    void advance(std::chrono::milliseconds duration) { elapsed_ += duration; }

  private:
    std::chrono::milliseconds elapsed_{std::chrono::hours(1)};  // not 0: that is what a default Instant is
};

}  // namespace polygon::support
