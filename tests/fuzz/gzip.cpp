// ISA-L's inflate, held to zlib's.
#include <array>

#include <zlib.h>

#include "common/backup/checksum.h"
#include "common/backup/input/gzip_source.h"
#include "tests/fuzz/decompressed.h"

namespace polygon::backup::fuzz {
namespace {

constexpr std::string_view kHeader("\x1f\x8b\x08\0\0\0\0\0\0\xff", 10);

struct Inflated {
    Verdict verdict = Verdict::refused;  // accepted: the data has an end, `consumed` bytes in
    std::size_t consumed = 0;
    std::string bytes;  // of refused data: as far as it goes
};

// What zlib makes of deflate data without header and trailer; nothing when it grows beyond what is compared.
std::optional<Inflated> inflate_by_zlib(std::string_view data) {
    z_stream stream = {};
    require(inflateInit2(&stream, -MAX_WBITS) == Z_OK, "zlib does not start");
    const std::unique_ptr<z_stream, decltype(&inflateEnd)> owner(&stream, inflateEnd);
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(data.data()));
    stream.avail_in = static_cast<uInt>(data.size());
    Inflated inflated;
    int code = Z_OK;
    while (code == Z_OK && inflated.bytes.size() < kMostBytesOut) {
        std::array<char, 1U << 16> part;
        stream.next_out = reinterpret_cast<Bytef*>(part.data());
        stream.avail_out = part.size();
        code = inflate(&stream, Z_NO_FLUSH);
        inflated.bytes.append(part.data(), part.size() - stream.avail_out);
    }
    if (code == Z_OK) return std::nullopt;
    inflated.verdict = code == Z_STREAM_END ? Verdict::accepted : Verdict::refused;
    inflated.consumed = data.size() - stream.avail_in;
    return inflated;
}

std::string little_endian(std::uint64_t value) {
    std::string bytes(4, '\0');
    for (std::size_t i = 0; i < bytes.size(); ++i)
        bytes[i] = static_cast<char>(value >> (8 * i));
    return bytes;
}

// A gzip member of deflate data that comes to `content`.
std::string member_of(std::string_view data, const std::string& content) {
    const auto* bytes = reinterpret_cast<const Bytef*>(content.data());
    return std::string(kHeader) + std::string(data) +
           little_endian(crc32(0, bytes, static_cast<uInt>(content.size()))) + little_endian(content.size());
}

// Under a trailer that fits, nothing but the inflating itself tells good data from bad.
void compare_with_zlib(std::string_view data) {
    const auto expected = inflate_by_zlib(data);
    if (!expected) return;
    if (expected->verdict == Verdict::accepted) data = data.substr(0, expected->consumed);
    const Decompressed got = decompress(member_of(data, expected->bytes), open_decompressor<GzipSource>);
    require(got.verdict == expected->verdict, "zlib decides otherwise");
    if (got.verdict == Verdict::refused) return;
    require(got.size_bytes == expected->bytes.size() &&
                got.checksum == checksum_of(ChecksumAlgorithm::crc32c, expected->bytes),
            "zlib inflates to something else");
}

}  // namespace

Verdict feed_gzip(std::string_view bytes) {
    const bool has_header = bytes.starts_with("\x1f\x8b") && bytes.size() >= kHeader.size();
    compare_with_zlib(has_header ? bytes.substr(kHeader.size()) : bytes);
    return decompress(bytes, open_decompressor<GzipSource>).verdict;
}

}  // namespace polygon::backup::fuzz
