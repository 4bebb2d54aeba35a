#include "common/backup/location.h"

#include <filesystem>

#include "common/backup/facts.h"
#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

Error failure_to_locate(const fs::Path& directory) {
    const auto located = locate_backup(directory);
    REQUIRE_FALSE(located.has_value());
    return located.error();
}

// A whole tar backup of that age.
void write_backup(const fs::Path& directory, const std::string& last_modified) {
    Sample sample;
    sample.last_modified = last_modified;
    sample.seal();
    sample.write_tar(directory);
}

TEST_CASE("knows the formats") {
    const TemporaryDirectory directory;
    Sample().write_plain(directory / "plain");
    Sample().write_gzip(directory / "gzip");
    const auto plain = locate_backup(directory / "plain");
    REQUIRE(plain.has_value());
    CHECK(plain->backup.format == Format::plain);
    CHECK(plain->backup.label == "plain");
    const auto gzip = locate_backup((directory / "gzip").string() + "/");
    REQUIRE(gzip.has_value());
    CHECK(gzip->backup.format == Format::tar);
    CHECK(gzip->backup.label == "gzip");
    REQUIRE(gzip->backup.archives.size() == 2);
    CHECK(gzip->backup.archives[0].path.filename() == "base.tar.gz");
    CHECK(gzip->backup.archives[1].kind == Archive::Kind::wal);
}

TEST_CASE("takes the newest complete one of a folder and tells what it passed over") {
    const TemporaryDirectory directory;
    write_backup(directory / "a-newest", "2026-11-21 03:00:00 GMT");
    write_backup(directory / "b-older", "2026-11-20 03:00:00 GMT");
    write_backup(directory / "c-half", "2026-11-22 03:00:00 GMT");
    std::filesystem::remove(directory / "c-half" / "backup_manifest");
    write(directory / "notes" / "README", "not a backup");
    write(directory / "file", "not a backup either");
    const auto located = locate_backup(directory.path());
    REQUIRE(located.has_value());
    CHECK(located->backup.label == "a-newest");
    REQUIRE(located->passed_over.size() == 1);
    CHECK(located->passed_over[0].label == "c-half");
    CHECK(located->passed_over[0].reason == "backup 'c-half' is incomplete: no backup_manifest");
}

TEST_CASE("finds nothing where nothing is") {
    const TemporaryDirectory directory;
    for (const fs::Path& place : {directory.path(), directory / "absent"}) {
        const Error error = failure_to_locate(place);
        CHECK(error.code == Errc::backup_missing);
        CHECK(error.message == "no base backup in '" + place.string() + "'");
        CHECK(error.hint ==
              "Point polygon.source.directory at what pg_basebackup wrote, or at a folder of such directories.");
    }
}

TEST_CASE("a folder of nothing but half-copied backups is an error that says why") {
    const TemporaryDirectory directory;
    write_backup(directory / "half", "2026-11-20 03:00:00 GMT");
    std::filesystem::remove(directory / "half" / "base.tar");
    const Error error = failure_to_locate(directory.path());
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "no complete base backup in '" + directory.path().string() +
                               "': backup 'half' is incomplete: neither base.tar nor PG_VERSION is there");
    CHECK(error.hint == "Wait until a backup is complete, or copy one again.");
}

TEST_CASE("says what is missing of a half-copied backup") {
    const TemporaryDirectory directory;
    const fs::Path backup = directory / "b";
    Sample().write_tar(backup);
    const auto reason = [&] {
        const Error error = failure_to_locate(backup);
        CHECK(error.code == Errc::backup_incomplete);
        return error.message;
    };
    SECTION("an empty archive") {
        write(backup / "base.tar", "");
        CHECK(reason() == "backup 'b' is incomplete: archive 'base.tar' is empty");
    }
    SECTION("no base archive") {
        std::filesystem::remove(backup / "base.tar");
        CHECK(reason() == "backup 'b' is incomplete: neither base.tar nor PG_VERSION is there");
    }
    SECTION("no manifest") {
        std::filesystem::remove(backup / "backup_manifest");
        CHECK(reason() == "backup 'b' is incomplete: no backup_manifest");
        CHECK_THAT(failure_to_locate(backup).hint, ContainsText("pg_basebackup writes backup_manifest last"));
    }
    SECTION("a manifest without backup_label") {
        Sample sample;
        sample.remove("backup_label");
        sample.seal();
        sample.write_tar(backup);
        CHECK(reason() == "backup 'b' is incomplete: its manifest names no 'backup_label'");
    }
}

TEST_CASE("a manifest that does not check is named") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.manifest.resize(100);
    sample.write_tar(directory / "b");
    const Error error = failure_to_locate(directory / "b");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message == "'" + (directory / "b/backup_manifest").string() +
                               "': backup manifest is not valid: it is not complete JSON");
    CHECK(error.hint == kCopyAgainHint);
}

TEST_CASE("refuses an archive that is there twice") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    Sample().write_gzip(directory / "b");
    const Error error = failure_to_locate(directory / "b");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message == "backup 'b' holds both 'base.tar' and 'base.tar.gz'");
    CHECK(error.hint == "Remove the one that does not belong to it.");
}

TEST_CASE("knows the major version with and without a checksum of PG_VERSION") {
    using enum ChecksumAlgorithm;
    const TemporaryDirectory directory;
    Sample sample;
    sample.algorithm = GENERATE(none, crc32c, sha256);
    sample.member("PG_VERSION").content = "17\n";
    sample.seal();
    sample.write_gzip(directory / "gzip");
    sample.write_plain(directory / "plain");
    CHECK(read_major_version(locate_backup(directory / "gzip")->backup).value_or(0) == 17);
    CHECK(read_major_version(locate_backup(directory / "plain")->backup).value_or(0) == 17);
}

TEST_CASE("reads no further than PG_VERSION for the major version") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.algorithm = ChecksumAlgorithm::none;
    sample.seal();
    sample.write_tar(directory / "b");
    std::filesystem::resize_file(directory / "b/base.tar", 2600);  // just behind it
    CHECK(read_major_version(locate_backup(directory / "b")->backup).value_or(0) == 15);
}

TEST_CASE("knows the system identifier where that is cheap") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_plain(directory / "plain");
    sample.write_tar(directory / "tar");
    CHECK(*read_system_identifier(locate_backup(directory / "plain")->backup) == 0x0007060504030201ULL);
    CHECK(*read_system_identifier(locate_backup(directory / "tar")->backup) == std::nullopt);
    sample.manifest = with_checksum(
        replaced(sample.unsealed_manifest(), "Version\": 1,", "Version\": 2,\n\"System-Identifier\": 7,"));
    sample.write_tar(directory / "tar");
    CHECK(*read_system_identifier(locate_backup(directory / "tar")->backup) == 7);
}

}  // namespace
}  // namespace polygon::backup::test
