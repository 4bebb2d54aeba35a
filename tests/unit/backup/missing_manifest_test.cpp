// Backups that were taken with --no-manifest: refused, or taken with what can be checked without it.
#include <filesystem>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

// As pg_basebackup --no-manifest leaves it.
void write_without_manifest(const Sample& sample, const std::string& format, const fs::Path& directory) {
    if (format == "tar") sample.write_tar(directory);
    if (format == "gzip") sample.write_gzip(directory);
    if (format == "plain") sample.write_plain(directory);
    std::filesystem::remove(directory / "backup_manifest");
}

Result<Restored> restore_accepted(const fs::Path& directory, const fs::Path& target,
                                  TablespaceMapping tablespaces = {}) {
    const Located located = TRY(locate_backup(directory, MissingManifest::accepted));
    return restore({.backup = located.backup, .data_directory = target, .tablespaces = std::move(tablespaces)},
                   system_clock());
}

Error failure_of_accepted(const TemporaryDirectory& directory) {
    const auto restored = restore_accepted(directory / "b", directory / "data");
    REQUIRE_FALSE(restored.has_value());
    CHECK_FALSE(std::filesystem::exists(directory / "data/global/pg_control"));
    return restored.error();
}

TEST_CASE("a backup without a manifest is restored where that is allowed, and only there") {
    const TemporaryDirectory directory;
    const std::string format = GENERATE("tar", "gzip", "plain");
    INFO(format);
    write_without_manifest({}, format, directory / "b");
    const auto refused = locate_backup(directory / "b");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "backup 'b' is incomplete: no backup_manifest");
    CHECK_THAT(refused.error().hint, ContainsText("give --without-manifest or configure source.verify: available"));

    const auto located = locate_backup(directory / "b", MissingManifest::accepted);
    REQUIRE(located.has_value());
    CHECK_FALSE(located->backup.has_manifest);
    CHECK(located->backup.manifest.last_modified == "2026-11-20 03:00:00 UTC");
    CHECK(located->backup.manifest.wal_ranges.at(0).start_lsn == "0/100028");
    const auto restored = restore_accepted(directory / "b", directory / "data");
    REQUIRE(restored.has_value());
    CHECK(restored->files == 8);
    CHECK(read(directory / "data/base/5/1259") == std::string(8192, 'c'));
    CHECK(read(directory / "data/global/pg_control").size() == 8192);
    CHECK(read(directory / "data/pg_wal/000000010000000000000001").size() == 1U << 20);
}

TEST_CASE("in a folder, or while it arrives, a backup without a manifest is an incomplete one") {
    const TemporaryDirectory directory;
    write_without_manifest({}, "tar", directory / "folder/b");
    const auto in_folder = locate_backup(directory / "folder", MissingManifest::accepted);
    REQUIRE_FALSE(in_folder.has_value());
    CHECK_THAT(in_folder.error().message, ContainsText("backup 'b' is incomplete: no backup_manifest"));
    write(directory / "folder/b/backup_manifest.tmp", "{");
    const auto arriving = locate_backup(directory / "folder/b", MissingManifest::accepted);
    REQUIRE_FALSE(arriving.has_value());
    CHECK(arriving.error().message == "backup 'b' is incomplete: no backup_manifest");
}

TEST_CASE("a manifest that is there and cannot be read is an error, and not a missing one") {
    const TemporaryDirectory directory;
    write_without_manifest({}, "tar", directory / "b");
    std::filesystem::create_symlink("/nowhere/backup_manifest", directory / "b/backup_manifest");
    const auto located = locate_backup(directory / "b", MissingManifest::accepted);
    REQUIRE_FALSE(located.has_value());
    CHECK(located.error().code == Errc::io);
    CHECK_THAT(located.error().message, ContainsText("backup_manifest"));
}

TEST_CASE("its tablespaces are placed as its map says") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/production/fast");
    write_without_manifest(sample, "gzip", directory / "b");
    CHECK(restore_accepted(directory / "b", directory / "data").error().code == Errc::configuration);
    std::filesystem::remove_all(directory / "data");
    REQUIRE(restore_accepted(directory / "b", directory / "data", {{"/production/fast", directory / "fast"}}));
    CHECK(read(directory / "fast/PG_15_202209061/5/16386") == std::string(8192, 't'));
    std::filesystem::remove(directory / "b/16384.tar.gz");
    std::filesystem::remove_all(directory / "data");
    CHECK_THAT(failure_of_accepted(directory).message, ContainsText("no archive '16384.tar' of tablespace 16384"));
}

TEST_CASE("what is wrong with it all the same is told") {
    const TemporaryDirectory directory;
    Sample sample;
    SECTION("no backup_label") {
        sample.remove("backup_label");
        write_without_manifest(sample, "tar", directory / "b");
        CHECK(failure_of_accepted(directory).message == "backup 'b' has no backup_label");
    }
    SECTION("an incremental backup, which would have to be combined with others") {
        sample.member("backup_label").content += "INCREMENTAL FROM LSN: 0/100028\nINCREMENTAL FROM TLI: 1\n";
        write_without_manifest(sample, "plain", directory / "b");
        const Error error = failure_of_accepted(directory);
        CHECK(error.code == Errc::backup_incomplete);
        CHECK(error.message == "backup 'b' is incomplete: it is incremental, and has no backup_manifest");
    }
    SECTION("no control file") {
        sample.remove("global/pg_control");
        write_without_manifest(sample, "gzip", directory / "b");
        CHECK(failure_of_accepted(directory).message == "backup 'b' has no global/pg_control");
    }
    SECTION("a file that comes twice") {
        sample.base.insert(sample.base.begin() + 3, {.name = "base/5/1259", .content = "other"});
        write_without_manifest(sample, "tar", directory / "b");
        const Error error = failure_of_accepted(directory);
        CHECK(error.code == Errc::backup_corrupt);
        CHECK(error.message == "backup 'b' is not sound: base/5/1259: comes twice");
    }
    SECTION("an archive that ends too early") {
        write_without_manifest(sample, "tar", directory / "b");
        std::filesystem::resize_file(directory / "b/base.tar", 12000);
        CHECK(failure_of_accepted(directory).code == Errc::backup_corrupt);
    }
    SECTION("no WAL to begin with") {
        sample.wal.clear();
        write_without_manifest(sample, "tar", directory / "b");
        CHECK_THAT(failure_of_accepted(directory).message,
                   ContainsText("WAL segment 000000010000000000000000 is missing"));
    }
    SECTION("a gap in the WAL") {
        sample.wal.push_back({.name = "000000010000000000000003", .content = std::string(1U << 20, 'w')});
        write_without_manifest(sample, "tar", directory / "b");
        CHECK_THAT(failure_of_accepted(directory).message,
                   ContainsText("WAL segment 000000010000000000000002 is missing"));
    }
}

}  // namespace
}  // namespace polygon::backup::test
