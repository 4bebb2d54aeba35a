#include "common/backup/identity.h"

#include <filesystem>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

std::string identity_of(const fs::Path& directory) {
    const auto located = locate_backup(directory, MissingManifest::accepted);
    REQUIRE(located.has_value());
    const auto identity = compute_identity(located->backup);
    REQUIRE(identity.has_value());
    CHECK(identity->size() == 64);
    return *identity;
}

TEST_CASE("a backup is the same wherever and in whichever format it lies, and another with another manifest") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "tar");
    Sample().write_plain(directory / "elsewhere/plain");
    const std::string identity = identity_of(directory / "tar");
    CHECK(identity == checksum_of(ChecksumAlgorithm::sha256, read(directory / "tar/backup_manifest")));
    CHECK(identity_of(directory / "elsewhere/plain") == identity);
    Sample other;
    other.member("PG_VERSION").content = "16\n";
    other.seal();
    std::filesystem::remove_all(directory / "tar");
    other.write_tar(directory / "tar");
    CHECK(identity_of(directory / "tar") != identity);
}

TEST_CASE("an incremental backup is another when one that it continues is") {
    const TemporaryDirectory directory;
    Sample full;
    full.become_link("0/1000028");
    Sample incremental;
    incremental.become_link("0/2000028", "0/1000028");
    full.write_plain(directory / "week/full");
    incremental.write_plain(directory / "week/incremental");
    const std::string identity = identity_of(directory / "week/incremental");
    CHECK(identity != identity_of(directory / "week/full"));
    full.last_modified = "2026-11-20 04:00:00 GMT";
    full.seal();
    std::filesystem::remove_all(directory / "week/full");
    full.write_plain(directory / "week/full");
    CHECK(identity_of(directory / "week/incremental") != identity);
}

TEST_CASE("without a manifest the label and the archives' sizes tell a backup") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    std::filesystem::remove(directory / "b/backup_manifest");
    const std::string identity = identity_of(directory / "b");
    CHECK(identity_of(directory / "b") == identity);
    Sample other;
    other.member("backup_label").content = replaced(kBackupLabel, "03:00:00", "04:00:00");
    other.write_tar(directory / "b");
    std::filesystem::remove(directory / "b/backup_manifest");
    const std::string later = identity_of(directory / "b");
    CHECK(later != identity);
    write(directory / "b/pg_wal.tar", read(directory / "b/pg_wal.tar") + std::string(512, '\0'));
    CHECK(identity_of(directory / "b") != later);
}

}  // namespace
}  // namespace polygon::backup::test
