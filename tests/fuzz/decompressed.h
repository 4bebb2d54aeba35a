// What a decompressor makes of bytes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "common/backup/input/decompressor.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {

// Past so many bytes of output nobody asks for more: small inputs grow to gigabytes.
inline constexpr std::uint64_t kMostBytesOut = 4U << 20;

struct Decompressed {
    Verdict verdict = Verdict::refused;
    // Of accepted streams, up to kMostBytesOut.
    std::uint64_t size_bytes = 0;
    std::string checksum;  // CRC-32C

    bool operator==(const Decompressed&) const = default;
};

using OpenDecompressor = std::function<std::unique_ptr<ByteSource>(std::unique_ptr<ByteSource> compressed)>;

template <class Source>
std::unique_ptr<ByteSource> open_decompressor(std::unique_ptr<ByteSource> compressed) {
    return std::make_unique<Source>(std::move(compressed), "/b/base.tar");
}

// What ways to cut the same bytes may differ in. What two of them accept never differs.
enum class MayDiffer { nothing, verdict };

// In every way in which the bytes may be cut; gives what comes of the uncut ones.
Decompressed decompress(std::string_view bytes, const OpenDecompressor& open,
                        MayDiffer may_differ = MayDiffer::nothing);

}  // namespace polygon::backup::fuzz
