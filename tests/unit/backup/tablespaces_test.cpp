#include "common/backup/tablespaces.h"

#include <filesystem>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

// A tar backup with the tablespace /prod/fast, oid 16384, in `directory`/backup.
fs::Path backup_with_tablespace(const TemporaryDirectory& directory) {
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.seal();
    sample.write_tar(directory / "backup");
    return directory / "backup";
}

Result<Restored> check_only(const fs::Path& directory) {
    const auto located = locate_backup(directory);
    REQUIRE(located.has_value());
    return check({.backup = located->backup}, system_clock());
}

TEST_CASE("reads tablespace_map with its escapes") {
    const auto map = parse_tablespace_map("16384 /prod/fast\n16385 /a b\\\\c\\\nd\r\n");
    REQUIRE(map.has_value());
    CHECK(*map == std::map<std::uint32_t, std::string>{{16384, "/prod/fast"}, {16385, "/a b\\c\nd"}});
    const auto wrong = parse_tablespace_map("x /prod\n");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().message == "tablespace_map has the line 'x /prod'");
    CHECK_FALSE(parse_tablespace_map("16384\n").has_value());
    CHECK_FALSE(parse_tablespace_map("16384 \n").has_value());
}

TEST_CASE("puts a tablespace into its staged place and links it") {
    const TemporaryDirectory directory;
    const auto located = locate_backup(backup_with_tablespace(directory));
    REQUIRE(located.has_value());
    const auto restored = restore({.backup = located->backup,
                                   .data_directory = directory / "data",
                                   .tablespaces = {{"/prod/fast", directory / "fast"}},
                                   .tablespace_suffix = ".staged"},
                                  system_clock());
    REQUIRE(restored.has_value());
    REQUIRE(restored->tablespaces.size() == 1);
    CHECK(restored->tablespaces[0].oid == 16384);
    CHECK(restored->tablespaces[0].production_path == "/prod/fast");
    CHECK(restored->tablespaces[0].path == directory / "fast.staged");
    CHECK(std::filesystem::read_symlink(directory / "data/pg_tblspc/16384") == directory / "fast.staged");
    CHECK(read(directory / "data/pg_tblspc/16384/PG_15_202209061/5/16386") == std::string(8192, 't'));
    CHECK_FALSE(std::filesystem::exists(directory / "data/tablespace_map"));
    CHECK_FALSE(std::filesystem::exists(directory / "fast"));
}

TEST_CASE("asks for a place for a tablespace before anything of it is written") {
    const TemporaryDirectory directory;
    const Error error = failure_of(backup_with_tablespace(directory), directory / "data");
    CHECK(error.code == Errc::configuration);
    CHECK(error.message == "tablespace '/prod/fast' of backup 'backup' has no place here");
    CHECK(error.hint == "Add \"tablespaces: {/prod/fast: /where/here}\" to the polygon section.");
    CHECK_FALSE(std::filesystem::exists("/prod/fast"));
}

TEST_CASE("refuses places for tablespaces that cannot be right") {
    const TemporaryDirectory directory;
    const fs::Path backup = backup_with_tablespace(directory);
    const auto refusal = [&](const fs::Path& place) {
        std::filesystem::remove_all(directory / "data");
        const auto restored = restore_into(backup, directory / "data", {{"/prod/fast", place}});
        REQUIRE_FALSE(restored.has_value());
        CHECK_FALSE(std::filesystem::exists(directory / "data/global/pg_control"));
        return restored.error();
    };
    CHECK(refusal("fast").message == "tablespace '/prod/fast' cannot go to 'fast': not an absolute path");
    CHECK(refusal(directory / "data/x").code == Errc::configuration);
    write(directory / "full" / "a", "1");
    const Error occupied = refusal(directory / "full");
    CHECK(occupied.code == Errc::data_directory_occupied);
    CHECK(occupied.message ==
          "directory '" + (directory / "full").string() + "' for tablespace '/prod/fast' is not empty (1 entries)");
    CHECK(occupied.hint == "Move it away, or choose another place for the tablespace.");
    CHECK(read(directory / "full" / "a") == "1");
}

TEST_CASE("does not put two tablespaces into one place") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.tablespaces[16385] = sample.tablespaces[16384];
    sample.member("tablespace_map").content += "16385 /prod/slow\n";
    sample.seal();
    sample.write_tar(directory / "backup");
    const auto restored = restore_into(directory / "backup", directory / "data",
                                       {{"/prod/fast", directory / "x"}, {"/prod/slow", directory / "x"}});
    REQUIRE_FALSE(restored.has_value());
    CHECK(restored.error().code == Errc::configuration);
    CHECK(restored.error().message == "tablespace '/prod/slow' cannot go to '" + (directory / "x").string() +
                                          "': tablespace '/prod/fast' goes there");
}

TEST_CASE("finds a tablespace's archive missing") {
    const TemporaryDirectory directory;
    const fs::Path backup = backup_with_tablespace(directory);
    std::filesystem::remove(backup / "16384.tar");
    const Error error = failure_of(backup, directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "backup 'backup' is incomplete: no archive '16384.tar'");
    CHECK(error.hint == kCopyAgainHint);
}

TEST_CASE("finds the archive of an empty tablespace missing") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.tablespaces.clear();
    sample.seal();
    sample.write_tar(directory / "backup");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "backup 'backup' is incomplete: no archive '16384.tar' of tablespace 16384 ('/prod/fast')");
    const auto checked = check_only(directory / "backup");
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().message == error.message);
}

TEST_CASE("finds the archive of an older server's link missing") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "pg_tblspc/16384", .type = '2', .link = "/prod/fast"});
    sample.seal();
    sample.write_tar(directory / "backup");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "backup 'backup' is incomplete: no archive '16384.tar' of tablespace 16384 ('/prod/fast')");
    CHECK(error.hint == kCopyAgainHint);
    const auto checked = check_only(directory / "backup");
    REQUIRE_FALSE(checked.has_value());
    CHECK(checked.error().message == error.message);
}

TEST_CASE("refuses an archive of a tablespace that nothing names") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.tablespaces[16384] = {{.name = "PG_15_202209061", .type = '5'}};
    sample.seal();
    sample.write_tar(directory / "backup");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message ==
          "backup 'backup' holds '16384.tar', but neither its tablespace_map nor its base archive names tablespace "
          "16384");
    CHECK(error.hint == "Remove the archive if it does not belong to the backup, or copy the backup again.");
    CHECK_FALSE(check_only(directory / "backup").has_value());
}

TEST_CASE("a plain backup's link that leads nowhere is an incomplete backup") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.seal();
    sample.write_plain(directory / "backup");
    std::filesystem::create_directories(directory / "backup/pg_tblspc");
    std::filesystem::create_directory_symlink(directory / "gone", directory / "backup/pg_tblspc/16384");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "backup 'backup' is incomplete: its link 'pg_tblspc/16384' leads to '" +
                               (directory / "gone").string() + "', which is not there");
    CHECK(error.hint == kCopyAgainHint);
}

TEST_CASE("a plain backup without the link that its tablespace_map names is incomplete") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.tablespaces.clear();
    sample.seal();
    sample.write_plain(directory / "backup");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message ==
          "backup 'backup' is incomplete: no link 'pg_tblspc/16384' of tablespace 16384 ('/prod/fast')");
}

TEST_CASE("does not act on a tablespace_map that does not check") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.seal();
    sample.member("tablespace_map").content = "16384 /prod/fasu\n";
    sample.write_tar(directory / "backup");
    const Error error = failure_of(directory / "backup", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK_THAT(error.message,
               ContainsText("backup 'backup' does not match its manifest: tablespace_map: checksum is "));
}

TEST_CASE("reads a plain backup's tablespace through its link") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.tablespaces[16384] = {{.name = "PG_15_202209061/5/16386", .content = "t"}};
    sample.seal();
    sample.write_plain(directory / "backup");
    write(directory / "elsewhere/PG_15_202209061/5/16386", "t");
    std::filesystem::create_directories(directory / "backup/pg_tblspc");
    std::filesystem::create_directory_symlink(directory / "elsewhere", directory / "backup/pg_tblspc/16384");
    const auto restored =
        restore_into(directory / "backup", directory / "data", {{directory / "elsewhere", directory / "fast"}});
    REQUIRE(restored.has_value());
    CHECK(read(directory / "fast/PG_15_202209061/5/16386") == "t");
    CHECK(std::filesystem::read_symlink(directory / "data/pg_tblspc/16384") == directory / "fast");
}

TEST_CASE("takes an in-place tablespace as the directory that it is") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "pg_tblspc/16385/PG_15_202209061/5/1", .content = "t"});
    sample.seal();
    std::filesystem::create_directories(directory / "plain/pg_tblspc/16385");
    sample.write_plain(directory / "plain");
    REQUIRE(restore_into(directory / "plain", directory / "data").has_value());
    CHECK(read(directory / "data/pg_tblspc/16385/PG_15_202209061/5/1") == "t");
}

TEST_CASE("takes an in-place tablespace that has an archive of its own, as PostgreSQL 16 sends it") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "pg_tblspc/16385", .type = '5'});
    sample.tablespaces[16385] = {{.name = "PG_16_202307071/5/1", .content = "t"}};
    sample.seal();
    sample.write_tar(directory / "backup");
    REQUIRE(restore_into(directory / "backup", directory / "data").has_value());
    CHECK(read(directory / "data/pg_tblspc/16385/PG_16_202307071/5/1") == "t");
}

TEST_CASE("an older server's link in base.tar is followed only through the configuration") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "pg_tblspc/16384", .type = '2', .link = "/prod/fast"});
    sample.tablespaces[16384] = {{.name = "PG_15_202209061/5/16386", .content = "t"}};
    sample.seal();
    sample.write_tar(directory / "backup");
    REQUIRE(restore_into(directory / "backup", directory / "data", {{"/prod/fast", directory / "fast"}}).has_value());
    CHECK(read(directory / "fast/PG_15_202209061/5/16386") == "t");
}

}  // namespace
}  // namespace polygon::backup::test
