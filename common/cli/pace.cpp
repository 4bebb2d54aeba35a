#include "common/cli/pace.h"

#include <algorithm>
#include <cmath>

namespace polygon::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kWindow = 5s;
constexpr auto kSpacing = 250ms;  // between samples: observations come thousands of times a second

}  // namespace

std::uint64_t Figures::percent() const {
    if (!has_total()) return 100;
    return static_cast<std::uint64_t>(100.0 * static_cast<double>(std::min(bytes_done, bytes_total)) /
                                      static_cast<double>(bytes_total));
}

void Pace::observe(Clock::Instant now, const Figures& figures) {
    bytes_to_do_.reset();
    if (figures.has_total()) bytes_to_do_ = figures.bytes_total - std::min(figures.bytes_total, figures.bytes_done);
    // The latest observation replaces the one before until they are a sample apart.
    if (samples_.size() >= 2 && samples_.back().at - samples_[samples_.size() - 2].at < kSpacing) samples_.pop_back();
    samples_.push_back({now, figures.bytes_done});
    while (samples_.size() > 2 && now - samples_[1].at >= kWindow)
        samples_.pop_front();
}

std::uint64_t Pace::bytes_per_second() const {
    if (samples_.size() < 2) return 0;
    const std::chrono::duration<double> time = samples_.back().at - samples_.front().at;
    if (time < kSpacing) return 0;
    const std::uint64_t bytes = samples_.back().bytes - std::min(samples_.back().bytes, samples_.front().bytes);
    return static_cast<std::uint64_t>(static_cast<double>(bytes) / time.count());
}

std::optional<std::chrono::seconds> Pace::left() const {
    const std::uint64_t rate = bytes_per_second();
    if (rate == 0 || !bytes_to_do_) return std::nullopt;
    return std::chrono::seconds((*bytes_to_do_ + rate - 1) / rate);
}

}  // namespace polygon::cli
