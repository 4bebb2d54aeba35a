#include "bootstrap/restore/space.h"

#include <fstream>

#include "bootstrap/restore/commands/restore_command.h"
#include "common/fs/space.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::bootstrap {
namespace {

using support::require;

constexpr std::uint64_t kSegment = 16U << 20;

backup::Backup tar_backup() {
    backup::Backup backup{.directory = "/b", .label = "b"};
    backup.archives = {{.path = "/b/base.tar.gz", .kind = backup::Archive::Kind::base},
                       {.path = "/b/pg_wal.tar.gz", .kind = backup::Archive::Kind::wal}};
    backup.manifest.files = {{.path = "PG_VERSION", .size_bytes = 3},
                             {.path = "pg_tblspc/16384/PG_15/1/1", .size_bytes = 1000},
                             {.path = "pg_tblspc/16385/PG_15/1/1", .size_bytes = 10}};
    backup.manifest.wal_ranges = {{.timeline = 1, .start_lsn = "0/2000028", .end_lsn = "0/3000100"}};
    return backup;
}

TEST_CASE("compressed WAL is estimated by the segments that the manifest's range touches") {
    const WalSize wal = require(measure_wal(tar_backup(), backup::Wal::in_backup));
    CHECK(wal.bytes == 2 * kSegment);
    CHECK(wal.is_estimated);
    backup::Backup without = tar_backup();
    without.archives.pop_back();
    CHECK(require(measure_wal(without, backup::Wal::elsewhere)).bytes == 0);
    CHECK(require(measure_wal(without, backup::Wal::in_backup)).bytes == 2 * kSegment);  // pg_basebackup -X fetch
}

TEST_CASE("what goes to one file system is summed, in-place tablespaces are in the data directory") {
    const support::Scratch scratch;
    const std::vector<PlacedTablespace> tablespaces = {
        {.oid = 16384, .production_path = "/fast", .here = scratch.path() / "fast"}};
    const auto file_systems =
        require(measure_space(tar_backup(), {.bytes = 500}, scratch.path() / "a/data", tablespaces, ".staged"));
    REQUIRE(file_systems.size() == 1);
    REQUIRE(file_systems[0].needs.size() == 2);
    CHECK(file_systems[0].needs[0].bytes == 3 + 10 + 500);
    CHECK(file_systems[0].needs[1].what == "tablespace 16384");
    CHECK(file_systems[0].needs[1].path == scratch.path() / "fast.staged");
    CHECK(file_systems[0].needs[1].bytes == 1000);
    CHECK(file_systems[0].needed_bytes == 1513);
    CHECK(file_systems[0].is_enough());
}

// Of the backup above, with one before it that is used where it is and one that has to be unpacked.
backup::Backup chain() {
    backup::Backup plain{.directory = "/p", .format = backup::Format::plain, .label = "p"};
    plain.archives = {{.path = "/p", .kind = backup::Archive::Kind::base}};
    plain.manifest.files = {{.path = "base/1/1", .size_bytes = 8000}};
    backup::Backup tar = tar_backup();
    tar.manifest.files.push_back({.path = "base/1/INCREMENTAL.1", .size_bytes = 300});
    backup::Backup last = tar_backup();
    last.manifest.files.push_back({.path = "base/1/INCREMENTAL.1", .size_bytes = 20});
    last.continues = backup::WalPosition{1, 1};
    last.earlier = {plain, tar};
    return last;
}

TEST_CASE("an incremental backup needs room for what comes of it and, meanwhile, for what is unpacked") {
    const support::Scratch scratch;
    const std::vector<PlacedTablespace> tablespaces = {
        {.oid = 16384, .production_path = "/fast", .here = scratch.path() / "fast"}};
    const auto file_systems = require(measure_space(chain(), {.bytes = 500}, scratch.path() / "data", tablespaces, ""));
    REQUIRE(file_systems.size() == 1);
    const std::vector<Need>& needs = file_systems[0].needs;
    REQUIRE(needs.size() == 4);
    CHECK(needs[0].what == "data directory");
    CHECK(needs[0].bytes == 500 + 3 + 10 + 8000 + 300 + 20);
    CHECK(needs[0].is_estimated);
    CHECK(needs[1].what == "data directory: unpacked backups");
    CHECK(needs[1].bytes == (3 + 10 + 300) + (3 + 10 + 20) + 500);
    CHECK_FALSE(needs[1].is_estimated);
    CHECK(needs[2].bytes == 1000);
    CHECK(needs[3].what == "tablespace 16384: unpacked backups");
    CHECK(needs[3].bytes == 2 * 1000);
    CHECK(file_systems[0].is_estimated());
}

TEST_CASE("masking.rewrite needs room for the largest table and its indexes, in each place") {
    const support::Scratch scratch;
    const std::vector<PlacedTablespace> tablespaces = {
        {.oid = 16384, .production_path = "/fast", .here = scratch.path() / "fast"}};
    backup::Backup backup = tar_backup();
    for (const auto& [path, bytes] : {std::pair{"base/5/16400", 1000},
                                      {"base/5/16400.1", 300},
                                      {"base/5/16400_fsm", 7000},
                                      {"base/5/16401", 1200},
                                      {"global/1260", 9000},
                                      {"base/5/pg_filenode.map", 512}})
        backup.manifest.files.push_back({.path = path, .size_bytes = static_cast<std::uint64_t>(bytes)});
    const auto file_systems =
        require(measure_space(backup, {}, scratch.path() / "data", tablespaces, "", Rewriting::largest_table));
    const std::vector<Need>& needs = file_systems.at(0).needs;
    REQUIRE(needs.size() == 4);
    CHECK(needs[1].what == "data directory: masking.rewrite");
    CHECK(needs[1].bytes == 2 * 1300);
    CHECK(needs[1].is_estimated);
    CHECK(needs[3].what == "tablespace 16384: masking.rewrite");
    CHECK(needs[3].bytes == 2 * 1000);
}

TEST_CASE("what an unfinished restore left counts as free: it is removed first") {
    const support::Scratch scratch;
    const std::uint64_t before = require(fs::used_bytes(scratch.path() / "data"));
    CHECK(before == 0);
    std::filesystem::create_directories(scratch.path() / "data/base");
    std::ofstream(scratch.path() / "data/base/1") << std::string(100'000, 'x');
    CHECK(require(fs::used_bytes(scratch.path() / "data")) >= 100'000);
}

TEST_CASE("too little room is refused, naming places, amounts and what is missing") {
    const std::vector<FileSystemNeed> file_systems = {
        {.needs = {{"data directory", "/x/data", 1}}, .needed_bytes = 1, .free_bytes = 1},
        {.needs = {{"tablespace 7", "/y/t", 3U << 20}}, .needed_bytes = 3U << 20, .free_bytes = 1U << 20}};
    const Status refused = require_space(file_systems);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::no_space);
    CHECK(refused.error().message ==
          "the file system of '/y/t' (tablespace 7) has 1.0 MiB free, and 3.0 MiB are needed");
    CHECK(refused.error().hint == "Make 2.0 MiB more room, or restore to another file system.");
    std::vector<FileSystemNeed> reclaimed = file_systems;
    reclaimed[1].reclaimable_bytes = 1U << 20;
    CHECK(require_space(reclaimed).error().hint == "Make 1.0 MiB more room, or restore to another file system.");
    reclaimed[1].reclaimable_bytes = 2U << 20;
    CHECK(require_space(reclaimed).has_value());
    std::vector<FileSystemNeed> estimated = file_systems;
    estimated[1].needs[0].is_estimated = true;
    CHECK_THAT(require_space(estimated).error().message, ContainsText(" free, and about 3.0 MiB are needed"));
}

TEST_CASE("a plan finds the archive of a mapped tablespace missing, with no other tablespace there") {
    const support::Scratch scratch;
    backup::test::Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.tablespaces.clear();
    sample.seal();
    sample.write_tar(scratch.path() / "backup");
    const auto found = find_tablespaces(require(backup::open_backup(scratch.path() / "backup")), {});
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().code == Errc::backup_incomplete);
    CHECK(found.error().message ==
          "backup 'backup' is incomplete: no archive '16384.tar' of tablespace 16384 ('/prod/fast')");
}

TEST_CASE("two tablespaces of a backup in one place are refused, where they go is known before it is read") {
    const std::vector<PlacedTablespace> tablespaces = {{.oid = 1, .production_path = "/prod/a", .here = "/here/x"},
                                                       {.oid = 2, .production_path = "/prod/b", .here = "/here/./x"}};
    const Status refused = require_places(tablespaces, "b");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message == "tablespaces '/prod/a' and '/prod/b' of backup 'b' both go to '/here/./x'");
    require(require_places({tablespaces.front()}, "b"));
}

TEST_CASE("--tablespace takes OLD=NEW, with a backslash before a '=' of a path") {
    const auto mapping = require(parse_tablespaces({"/fast=/here/fast/", R"(/a\=b=/c\=d)"}));
    CHECK(mapping == backup::TablespaceMapping{{"/fast", "/here/fast"}, {"/a=b", "/c=d"}});
    for (const char* option : {"/fast", "=/x", "/fast=", "/a=/b=/c", "fast=/x", "/fast=x"}) {
        INFO(option);
        const auto refused = parse_tablespaces({option});
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Errc::usage);
    }
    CHECK(parse_tablespaces({"/a=/b", "/a=/c"}).error().message == "--tablespace names '/a' twice");
}

}  // namespace
}  // namespace polygon::bootstrap
