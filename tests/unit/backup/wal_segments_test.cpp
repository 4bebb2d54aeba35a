#include "common/backup/wal_segments.h"

#include "tests/support/catch.h"

namespace polygon::backup {
namespace {

Manifest with_ranges(std::vector<WalRange> ranges) {
    return {.wal_ranges = std::move(ranges)};
}

TEST_CASE("reads a WAL position") {
    CHECK(parse_lsn("0/2000028") == 0x2000028ULL);
    CHECK(parse_lsn("A/FF") == 0xA000000FFULL);
    CHECK_FALSE(parse_lsn("A").has_value());
    CHECK_FALSE(parse_lsn("A/").has_value());
    CHECK_FALSE(parse_lsn("A/1x").has_value());
    CHECK_FALSE(parse_lsn("1/123456789").has_value());
}

TEST_CASE("names segments of any size as PostgreSQL does") {
    CHECK(segment_name(1, 3, 16U << 20) == "000000010000000000000003");
    CHECK(segment_name(2, 256, 16U << 20) == "000000020000000100000000");
    CHECK(segment_name(1, 5, 1U << 30) == "000000010000000100000001");
    CHECK(segment_name(1, 4096, 1U << 20) == "000000010000000100000000");
}

TEST_CASE("finds the first segment that is missing") {
    WalSegments segments;
    const Manifest manifest = with_ranges({{.timeline = 1, .start_lsn = "0/2000028", .end_lsn = "0/4000001"}});
    CHECK(segments.find_missing(manifest) == "000000010000000000000002");
    segments.add("000000010000000000000002", 16U << 20);
    CHECK(segments.find_missing(manifest) == "000000010000000000000003");
    segments.add("000000010000000000000003", 16U << 20);
    CHECK(segments.find_missing(manifest) == "000000010000000000000004");
    segments.add("000000010000000000000004.partial", 16U << 20);
    segments.add("000000010000000000000004", 8192);
    CHECK(segments.find_missing(manifest) == "000000010000000000000004");
}

TEST_CASE("a range without end goes as far as segments of its timeline came") {
    const Manifest manifest = with_ranges({{.timeline = 1, .start_lsn = "0/2000028"}});
    WalSegments segments;
    CHECK(segments.find_missing(manifest) == "000000010000000000000002");
    segments.add("000000020000000000000009", 16U << 20);
    segments.add("000000010000000000000002", 16U << 20);
    CHECK_FALSE(segments.find_missing(manifest).has_value());
    segments.add("000000010000000000000004", 16U << 20);
    CHECK(segments.find_missing(manifest) == "000000010000000000000003");
    segments.add("000000010000000000000003", 16U << 20);
    CHECK_FALSE(segments.find_missing(manifest).has_value());
}

TEST_CASE("the end of a range is not part of it") {
    WalSegments segments;
    segments.add("000000010000000000000002", 16U << 20);
    CHECK_FALSE(segments.find_missing(with_ranges({{1, "0/2000028", "0/3000000"}})).has_value());
}

TEST_CASE("a range that ends before it begins needs the segment that it begins in") {
    CHECK(WalSegments().find_missing(with_ranges({{1, "0/4000028", "0/2000028"}})) == "000000010000000000000004");
    CHECK(WalSegments().find_missing(with_ranges({{1, "FFFFFFFF/FFFFFFFF", "1/0"}})) == "00000001FFFFFFFF000000FF");
}

TEST_CASE("takes the segment size from the segments") {
    WalSegments segments;
    segments.add("000000010000000000000005", 64U << 20);
    CHECK_FALSE(segments.find_missing(with_ranges({{1, "0/14000028", "0/17000000"}})).has_value());
}

TEST_CASE("a segment in which the timeline changed may carry the later one") {
    WalSegments segments;
    segments.add("000000010000000000000002", 16U << 20);
    segments.add("000000020000000000000003", 16U << 20);
    CHECK_FALSE(segments.find_missing(with_ranges({{1, "0/2000028", "0/3000100"}, {2, "0/3000100", "0/3000200"}})));
    CHECK(segments.find_missing(with_ranges({{2, "0/2000028", "0/3000100"}})) == "000000020000000000000002");
}

}  // namespace
}  // namespace polygon::backup
