#include "common/backup/manifest.h"

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

Error refusal_of(const std::string& text) {
    const auto manifest = parse_manifest(text);
    REQUIRE_FALSE(manifest.has_value());
    CHECK(manifest.error().code == Errc::backup_corrupt);
    CHECK(manifest.error().hint == kCopyAgainHint);
    return manifest.error();
}

// The sample's manifest with one piece changed, and a right checksum again.
Error refusal_of_change(const std::string& from, const std::string& to) {
    return refusal_of(with_checksum(replaced(Sample().unsealed_manifest(), from, to)));
}

TEST_CASE("reads files, WAL ranges and the age of a manifest") {
    const auto manifest = parse_manifest(Sample().manifest);
    REQUIRE(manifest.has_value());
    CHECK(manifest->version == 1);
    CHECK_FALSE(manifest->system_identifier.has_value());
    CHECK(manifest->files.size() == 6);
    CHECK(manifest->total_bytes() == kBackupLabel.size() + 3 + 8192 + 12 + 8192);
    CHECK(manifest->find("PG_VERSION")->checksum_hex == "8a744722");  // as PostgreSQL 15 wrote it
    CHECK(manifest->find("nothing") == nullptr);
    CHECK(manifest->last_modified == "2026-11-20 03:00:00 GMT");
    REQUIRE(manifest->wal_ranges.size() == 1);
    CHECK(manifest->wal_ranges[0].timeline == 1);
    CHECK(manifest->wal_ranges[0].start_lsn == "0/100028");
    CHECK(manifest->wal_ranges[0].end_lsn == "0/100100");
}

TEST_CASE("the end of a backup's WAL is that of its last timeline, wherever that stands") {
    CHECK(Manifest{}.end_lsn().empty());
    const Manifest manifest{.wal_ranges = {{3, "1/0", "1/A0"}, {2, "0/F0000000", "1/0"}, {1, "0/9", "0/F0000000"}}};
    CHECK(manifest.end_lsn() == "1/A0");
}

TEST_CASE("knows the system identifier of a version 2 manifest") {
    const auto manifest = parse_manifest(with_checksum(replaced(
        Sample().unsealed_manifest(), "Version\": 1,", "Version\": 2,\n\"System-Identifier\": 18446744073709551615,")));
    REQUIRE(manifest.has_value());
    CHECK(manifest->version == 2);
    CHECK(manifest->system_identifier == 18446744073709551615ULL);
}

TEST_CASE("reads every checksum algorithm") {
    using enum ChecksumAlgorithm;
    const auto algorithm = GENERATE(none, crc32c, sha224, sha256, sha384, sha512);
    Sample sample;
    sample.algorithm = algorithm;
    sample.seal();
    const auto manifest = parse_manifest(sample.manifest);
    REQUIRE(manifest.has_value());
    CHECK(manifest->files[0].algorithm == algorithm);
    CHECK(manifest->files[0].checksum_hex.size() == hex_length(algorithm));
}

TEST_CASE("decodes a path that is not UTF-8") {
    const auto manifest = parse_manifest(with_checksum(
        replaced(Sample().unsealed_manifest(), "\"Path\": \"base/5/1259\"", "\"Encoded-Path\": \"626173652fff\"")));
    REQUIRE(manifest.has_value());
    CHECK(manifest->find("base/\xff") != nullptr);
}

TEST_CASE("refuses a manifest that is cut off, wherever") {
    const std::string whole = Sample().manifest;
    for (std::size_t length = 0; length < whole.size(); length += 97) {
        CHECK(refusal_of(whole.substr(0, length)).message == "backup manifest is not valid: it is not complete JSON");
    }
    CHECK(refusal_of(whole.substr(0, whole.size() - 1)).message ==
          "backup manifest is not valid: its last line is cut off");
}

TEST_CASE("refuses a manifest in which one character changed") {
    CHECK_THAT(refusal_of(replaced(Sample().manifest, "8a744722", "8a744723")).message,
               ContainsText("backup manifest is not valid: its checksum is "));
}

TEST_CASE("refuses an unknown version") {
    CHECK(refusal_of_change("Version\": 1", "Version\": 3").message ==
          "backup manifest is not valid: its version 3 is not known (1, 2)");
}

TEST_CASE("refuses an unknown checksum algorithm and a checksum of another length") {
    CHECK(refusal_of_change("CRC32C", "MD5").message ==
          "backup manifest is not valid: 'backup_label' has the unknown checksum algorithm 'MD5'");
    CHECK(refusal_of_change("8a744722", "8a7447").message ==
          "backup manifest is not valid: 'PG_VERSION' has the checksum '8a7447', which is not one of CRC32C");
    CHECK(refusal_of_change("8a744722", "8a74472g").message ==
          "backup manifest is not valid: 'PG_VERSION' has the checksum '8a74472g', which is not one of CRC32C");
    CHECK(refusal_of_change("\"Checksum-Algorithm\": \"CRC32C\", ", "").message ==
          "backup manifest is not valid: 'backup_label' has a checksum without algorithm");
}

TEST_CASE("a name or a time in a manifest draws nothing on a terminal") {
    const std::string text = replaced(Sample().unsealed_manifest(), "\"backup_label\"", "\"label\\u001b[2J\"");
    CHECK(refusal_of(with_checksum(replaced(text, "CRC32C", "MD5"))).message ==
          "backup manifest is not valid: 'label\\x1b[2J' has the unknown checksum algorithm 'MD5'");
    CHECK(refusal_of(with_checksum(replaced(text, "\"Checksum-Algorithm\": \"CRC32C\", ", ""))).message ==
          "backup manifest is not valid: 'label\\x1b[2J' has a checksum without algorithm");
    const auto manifest =
        parse_manifest(with_checksum(replaced(Sample().unsealed_manifest(), " GMT", "\\n\\u001b[2J")));
    REQUIRE(manifest.has_value());
    CHECK(manifest->last_modified == "2026-11-20 03:00:00\\x0a\\x1b[2J");
}

TEST_CASE("refuses sizes, paths and ranges that make no sense") {
    CHECK(refusal_of_change("\"Size\": 3", "\"Size\": -3").message ==
          "backup manifest is not valid: PG_VERSION has no number 'Size' of 0 or more");
    CHECK(refusal_of_change("\"Size\": 3", "\"Size\": \"3\"").message ==
          "backup manifest is not valid: PG_VERSION has no number 'Size' of 0 or more");
    CHECK(refusal_of_change("base/5/2600", "base/5/1259").message ==
          "backup manifest is not valid: it names 'base/5/1259' twice");
    CHECK(refusal_of_change("\"Path\": \"base/5/1259\"", "\"Encoded-Path\": \"6\"").message ==
          "backup manifest is not valid: '6' is not an encoded path");
    CHECK(refusal_of_change("0/100028", "x").message == "backup manifest is not valid: 'x' is no WAL position");
    CHECK(refusal_of_change("\"Timeline\": 1", "\"Timeline\": 0").message ==
          "backup manifest is not valid: 0 is not a timeline");
    CHECK(refusal_of_change("\"WAL-Ranges\"", "\"Wal\"").message ==
          "backup manifest is not valid: it has no list 'WAL-Ranges'");
}

}  // namespace
}  // namespace polygon::backup::test
