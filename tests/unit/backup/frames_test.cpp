// Zstandard and LZ4, which are both frames one after the other.
#include <lz4frame.h>
#include <zstd.h>

#include "common/backup/input/lz4_source.h"
#include "common/backup/input/zstd_source.h"
#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"
#include "tests/unit/backup/block_source.h"

namespace polygon::backup::test {
namespace {

constexpr std::size_t kAtOnce = 1U << 20;

// With a checksum of the content.
std::string zstd_frame(const std::string& bytes, int window_log = 0) {
    const std::unique_ptr<ZSTD_CCtx, decltype(&ZSTD_freeCCtx)> context(ZSTD_createCCtx(), ZSTD_freeCCtx);
    ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1);
    if (window_log > 0) {
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_enableLongDistanceMatching, 1);
        ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log);
    }
    std::string out(ZSTD_compressBound(bytes.size()), '\0');
    // As a stream of unknown length, so that the window is not cut down to it.
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    ZSTD_outBuffer result{out.data(), out.size(), 0};
    REQUIRE(ZSTD_compressStream2(context.get(), &result, &in, ZSTD_e_continue) < out.size() + kAtOnce);
    REQUIRE(ZSTD_compressStream2(context.get(), &result, &in, ZSTD_e_end) == 0);
    out.resize(result.pos);
    return out;
}

std::string lz4_frame(const std::string& bytes) {
    LZ4F_preferences_t preferences = {};
    preferences.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
    std::string out(LZ4F_compressFrameBound(bytes.size(), &preferences), '\0');
    out.resize(LZ4F_compressFrame(out.data(), out.size(), bytes.data(), bytes.size(), &preferences));
    return out;
}

struct Codec {
    std::string name;
    std::string (*frame)(const std::string& bytes);
    Result<std::string> (*decompress)(const std::string& bytes, std::size_t block);
};

const Codec kZstd = {"zstd", [](const std::string& bytes) { return zstd_frame(bytes); },
                     [](const std::string& bytes, std::size_t block) {
                         ZstdSource source(std::make_unique<BlockSource>(bytes, block), "/b/base.tar");
                         return drain(source);
                     }};
const Codec kLz4 = {"lz4", lz4_frame, [](const std::string& bytes, std::size_t block) {
                        Lz4Source source(std::make_unique<BlockSource>(bytes, block), "/b/base.tar");
                        return drain(source);
                    }};

Codec both() {
    return GENERATE(values<Codec>({kZstd, kLz4}));
}

// A frame of four bytes of somebody's own, which both formats define alike.
const std::string kSkippable = std::string("\x50\x2a\x4d\x18\x04\0\0\0note", 12);

std::string reason_of(const Codec& codec, const std::string& compressed, std::size_t block = kAtOnce) {
    const auto bytes = codec.decompress(compressed, block);
    REQUIRE_FALSE(bytes.has_value());
    CHECK(bytes.error().code == Errc::backup_corrupt);
    CHECK(bytes.error().hint == kCopyAgainHint);
    return bytes.error().message;
}

TEST_CASE("decompresses frames, wherever the input is cut") {
    const Codec codec = both();
    INFO(codec.name);
    const std::string first = noise(300000);
    const std::string second(3U << 20, 'x');
    const std::string stream = codec.frame(first) + kSkippable + codec.frame("") + codec.frame(second);
    for (const std::size_t block : {std::size_t{1}, std::size_t{7}, std::size_t{4096}, kAtOnce}) {
        INFO(block);
        const auto bytes = codec.decompress(stream, block);
        REQUIRE(bytes.has_value());
        CHECK((*bytes == first + second));
    }
}

TEST_CASE("a stream of frames that is cut off anywhere within one is damaged") {
    const Codec codec = both();
    INFO(codec.name);
    const std::string frame = codec.frame("what is in the archive, and what is in the archive again");
    for (std::size_t length = 1; length < frame.size(); ++length) {
        INFO(length);
        CHECK(reason_of(codec, codec.frame("first") + frame.substr(0, length)) ==
              "archive '/b/base.tar' is damaged: its " + codec.name + " data ends early");
    }
    CHECK(reason_of(codec, "") == "archive '/b/base.tar' is damaged: it is empty");
}

TEST_CASE("a checksum that does not match is damage, and so is what follows the last frame") {
    const Codec codec = both();
    INFO(codec.name);
    const std::string expected =
        "archive '/b/base.tar' is damaged: its " + codec.name + " data cannot be decompressed: ";
    std::string frame = codec.frame(noise(100000));
    CHECK_THAT(reason_of(codec, frame + "garbage that is no frame"), ContainsText(expected));
    CHECK_THAT(reason_of(codec, "garbage that is no frame"), ContainsText(expected));
    frame.back() = static_cast<char>(frame.back() ^ 1);
    for (const std::size_t block : {std::size_t{1}, kAtOnce})
        CHECK_THAT(reason_of(codec, frame, block), ContainsText(expected));
}

TEST_CASE("decompresses zstd with a window as large as zstd --long=30 asks for") {
    const std::string bytes = noise(200000) + std::string(1U << 20, 'x') + noise(200000);
    const auto got = kZstd.decompress(zstd_frame(bytes, 30), kAtOnce);
    REQUIRE(got.has_value());
    CHECK((*got == bytes));
}

}  // namespace
}  // namespace polygon::backup::test
