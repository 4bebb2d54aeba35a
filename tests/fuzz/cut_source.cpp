#include "tests/fuzz/cut_source.h"

#include <algorithm>
#include <vector>

namespace polygon::backup::fuzz {
namespace {

// Byte by byte, but for inputs that this would take too long for.
constexpr std::size_t kMostBytesOneByOne = 16U << 10;
constexpr std::size_t kSmallOfLarge = 61;
// Around the sizes that formats care for.
constexpr std::array<std::size_t, 12> kSizes = {1, 2, 3, 5, 8, 17, 100, 511, 512, 513, 1024, 4096};

// FNV-1a.
std::uint32_t hash_of(std::string_view bytes) {
    std::uint32_t hash = 2166136261U;
    for (const char c : bytes)
        hash = (hash ^ static_cast<unsigned char>(c)) * 16777619U;
    return hash;
}

}  // namespace

CutSource::CutSource(std::string_view bytes, Cut cut)
    : rest_(bytes),
      cut_(cut),
      small_size_(bytes.size() <= kMostBytesOneByOne ? 1 : kSmallOfLarge),
      state_(hash_of(bytes)) {}

std::size_t CutSource::next_size() {
    switch (cut_) {
        case Cut::none:
            break;
        case Cut::small:
            return small_size_;
        case Cut::varying:
            state_ = state_ * 1664525U + 1013904223U;
            return kSizes[(state_ >> 16) % kSizes.size()];
    }
    return rest_.size();
}

Result<Block> CutSource::read() {
    const auto given = std::as_bytes(std::span(rest_)).first(std::min(next_size(), rest_.size()));
    rest_.remove_prefix(given.size());
    const auto copy = std::make_shared<std::vector<std::byte>>(given.begin(), given.end());
    return Block{copy, *copy};
}

}  // namespace polygon::backup::fuzz
