#include "common/backup/input/gzip_source.h"

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"
#include "tests/unit/backup/block_source.h"

namespace polygon::backup::test {
namespace {

Result<std::string> inflate(const std::string& compressed, std::size_t block = 1U << 16) {
    GzipSource source(std::make_unique<BlockSource>(compressed, block), "/b/pg_wal.tar.gz");
    return drain(source);
}

std::string reason_of(const std::string& compressed, std::size_t block = 1U << 16) {
    const auto bytes = inflate(compressed, block);
    REQUIRE_FALSE(bytes.has_value());
    CHECK(bytes.error().code == Errc::backup_corrupt);
    CHECK(bytes.error().hint == kCopyAgainHint);
    return bytes.error().message;
}

// A gzip member with a file name, a comment, an extra field and a header checksum would be rare; a name is common.
std::string with_name(std::string member, const std::string& name) {
    member[3] = '\x08';
    return member.insert(10, name + std::string(1, '\0'));
}

TEST_CASE("inflates whatever the blocks it is given") {
    const std::string whole = noise(200'000) + std::string(3'000'000, 'z');
    const std::string compressed = with_name(gzip(whole), "base.tar") + gzip("") + with_name(gzip("end"), "x");
    for (const std::size_t block : {1UL, 2UL, 7UL, 4096UL, 1UL << 20}) {
        const auto bytes = inflate(compressed, block);
        REQUIRE(bytes.has_value());
        CHECK((*bytes == whole + "end"));
    }
}

TEST_CASE("inflates hundreds of members, most of them empty") {
    const std::string empty = gzip("");
    const std::string some = gzip("some");
    std::string compressed;
    std::string whole;
    for (int i = 0; i < 700; ++i) {
        compressed += i % 5 == 0 ? some : empty;
        whole += i % 5 == 0 ? "some" : "";
    }
    CHECK(inflate(compressed).value_or("") == whole);
    CHECK(inflate(compressed, 3).value_or("") == whole);
}

TEST_CASE("takes zeros after the last member as padding, and nothing else") {
    const std::string compressed = gzip("bytes");
    CHECK(inflate(compressed + std::string(5000, '\0'), 100).value_or("") == "bytes");
    const std::string reason = "archive '/b/pg_wal.tar.gz' is damaged: bytes that are not gzip follow its end";
    CHECK(reason_of(compressed + "garbage") == reason);
    CHECK(reason_of(compressed + std::string(5000, '\0') + "x", 100) == reason);
}

TEST_CASE("finds every cut of a stream") {
    const std::string compressed = with_name(gzip("first"), "n") + gzip(noise(300));
    const std::size_t first = with_name(gzip("first"), "n").size();
    for (std::size_t length = 1; length < compressed.size(); ++length) {
        if (length == first) continue;  // whole members: the tar reader's to find
        INFO(length);
        CHECK(reason_of(compressed.substr(0, length), 13) ==
              "archive '/b/pg_wal.tar.gz' is damaged: its gzip data ends early");
    }
    CHECK(reason_of("") == "archive '/b/pg_wal.tar.gz' is damaged: it is empty");
}

TEST_CASE("finds every flipped bit of the data and of the trailer") {
    const std::string compressed = gzip(noise(2000));
    for (std::size_t at = 10; at < compressed.size(); ++at) {
        std::string flipped = compressed;
        flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
        INFO(at);
        CHECK_FALSE(inflate(flipped).has_value());
    }
}

TEST_CASE("a flipped bit is found, or changes nothing") {
    // Zeros, as at the end of WAL: another distance or another header's time gives the same bytes.
    const std::string whole = noise(300) + std::string(20'000, '\0') + "end";
    const std::string compressed = gzip("") + gzip(whole) + gzip("");
    for (std::size_t at = 0; at < compressed.size(); ++at) {
        for (int bit = 0; bit < 8; ++bit) {
            std::string flipped = compressed;
            flipped[at] = static_cast<char>(flipped[at] ^ (1 << bit));
            const auto bytes = inflate(flipped);
            if (!bytes.has_value() || *bytes == whole) continue;
            FAIL("undetected: byte " << at << ", bit " << bit);
        }
    }
}

TEST_CASE("a flipped bit that still inflates is found by the checksum") {
    std::string compressed = gzip(noise(2000));
    compressed[compressed.size() - 6] = static_cast<char>(compressed[compressed.size() - 6] ^ 1);
    CHECK(reason_of(compressed) == "archive '/b/pg_wal.tar.gz' is damaged: a gzip checksum does not match");
}

TEST_CASE("says of a file that is not gzip that it is not") {
    CHECK(reason_of("plain text") == "archive '/b/pg_wal.tar.gz' is damaged: it is not gzip");
    CHECK(reason_of("\x1f plain text") == "archive '/b/pg_wal.tar.gz' is damaged: a gzip header is wrong");
}

}  // namespace
}  // namespace polygon::backup::test
