// How far work is, how fast it goes, and how long it will still take.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <optional>

#include "common/base/clock.h"

namespace polygon::cli {

struct Figures {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;  // 0: not known
    std::uint64_t files_done = 0;
    std::uint64_t files_total = 0;

    bool has_total() const { return bytes_total > 0; }
    // 0 to 100; without a total, all is done.
    std::uint64_t percent() const;
};

// By the last few seconds, so that it follows a disk that becomes slow.
class Pace {
  public:
    void observe(Clock::Instant now, const Figures& figures);

    // 0 until two observations are far enough apart.
    std::uint64_t bytes_per_second() const;
    // Nothing while the rate is 0, or without a total.
    std::optional<std::chrono::seconds> left() const;

  private:
    struct Sample {
        Clock::Instant at;
        std::uint64_t bytes = 0;
    };
    std::deque<Sample> samples_;  // the oldest first; the last is the latest observation
    std::optional<std::uint64_t> bytes_to_do_;
};

}  // namespace polygon::cli
