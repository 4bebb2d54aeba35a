#include "common/backup/wal_segments.h"

#include <algorithm>
#include <bit>
#include <charconv>

#include <fmt/format.h>

namespace polygon::backup {
namespace {

constexpr std::uint64_t kUsualSegmentBytes = 16U << 20;
constexpr std::uint64_t kSmallestSegmentBytes = 1U << 20;

std::optional<std::uint32_t> parse_hex(std::string_view text) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return value;
}

bool is_segment_name(std::string_view name) {
    return name.size() == 24 && name.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// The other way round than segment_name(); `name` is a segment's.
std::uint64_t segment_number(std::string_view name, std::uint64_t segment_bytes) {
    const std::uint64_t segments_per_id = (std::uint64_t{1} << 32) / segment_bytes;
    return *parse_hex(name.substr(8, 8)) * segments_per_id + *parse_hex(name.substr(16, 8));
}

}  // namespace

std::optional<std::uint64_t> parse_lsn(std::string_view text) {
    const std::size_t slash = text.find('/');
    if (slash == std::string_view::npos) return std::nullopt;
    const auto high = parse_hex(text.substr(0, slash));
    const auto low = parse_hex(text.substr(slash + 1));
    if (!high || !low) return std::nullopt;
    return std::uint64_t{*high} << 32 | *low;
}

std::string segment_name(std::uint32_t timeline, std::uint64_t number, std::uint64_t segment_bytes) {
    const std::uint64_t segments_per_id = (std::uint64_t{1} << 32) / segment_bytes;
    return fmt::format("{:08X}{:08X}{:08X}", timeline, number / segments_per_id, number % segments_per_id);
}

void WalSegments::add(std::string_view name, std::uint64_t size_bytes) {
    if (is_segment_name(name)) sizes_.emplace(name, size_bytes);
}

// What initdb was told, which is the size of every complete segment.
std::uint64_t WalSegments::segment_bytes() const {
    std::uint64_t largest = 0;
    for (const auto& [name, size] : sizes_)
        largest = std::max(largest, size);
    return largest >= kSmallestSegmentBytes && std::has_single_bit(largest) ? largest : kUsualSegmentBytes;
}

bool WalSegments::has(const WalRange& range, std::uint64_t number, const Manifest& manifest) const {
    const std::uint64_t bytes = segment_bytes();
    return std::any_of(manifest.wal_ranges.begin(), manifest.wal_ranges.end(), [&](const WalRange& other) {
        if (other.timeline < range.timeline) return false;
        const auto found = sizes_.find(segment_name(other.timeline, number, bytes));
        return found != sizes_.end() && found->second == bytes;
    });
}

// Byte position.
std::uint64_t WalSegments::end_of(const WalRange& range) const {
    if (!range.end_lsn.empty() || sizes_.empty()) return parse_lsn(range.end_lsn).value_or(0);
    std::uint64_t last = 0;
    for (const auto& [name, size] : sizes_) {
        if (parse_hex(std::string_view(name).substr(0, 8)) == range.timeline)
            last = std::max(last, segment_number(name, segment_bytes()));
    }
    return (last + 1) * segment_bytes();
}

std::optional<std::string> WalSegments::find_missing(const Manifest& manifest) const {
    const std::uint64_t bytes = segment_bytes();
    for (const WalRange& range : manifest.wal_ranges) {
        const std::uint64_t start = parse_lsn(range.start_lsn).value_or(0);
        const std::uint64_t last = std::max(end_of(range), std::uint64_t{1}) - 1;
        for (std::uint64_t number = start / bytes; number <= std::max(start, last) / bytes; ++number) {
            if (!has(range, number, manifest)) return segment_name(range.timeline, number, bytes);
        }
    }
    return std::nullopt;
}

}  // namespace polygon::backup
