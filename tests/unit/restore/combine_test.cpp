// With a program in pg_combinebackup's place that brings what a test has prepared.
#include "bootstrap/restore/sources/combine.h"

#include <algorithm>
#include <filesystem>
#include <fstream>

#include <sys/stat.h>

#include "common/base/error.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using backup::test::Sample;
using support::require;

constexpr const char* kProgram = R"(#!/bin/sh
cd "${0%/*}" || exit 1
printf '%s\n' "$@" >arguments
find ../places -path '*/unpacked/*' | sort >unpacked
[ ! -e changes ] || touch ../backups/last/base/5/1259
[ ! -e fails ] || { echo 'it cannot be done'; exit 1; }
for argument; do
  case $argument in
    --output=*) out=${argument#--output=} ;;
    --tablespace-mapping=*) tablespace=${argument##*=} ;;
  esac
done
cp -R combined/. "$out/"
[ -z "$tablespace" ] || { mkdir -p "$tablespace"; mv "$out"/pg_tblspc/16384/* "$tablespace/"; rmdir "$out/pg_tblspc/16384"
  ln -s "$tablespace" "$out/pg_tblspc/16384"; }
)";

// A full backup in tar format, an incremental one as it is, and a program that makes `combined` of them.
class Scene {
  public:
    Scene() {
        full.become_link("0/100028");
        last.last_modified = "2026-11-21 03:00:00 GMT";
        combined.member("base/5/1259").content = std::string(8192, 'd');
        backup::test::write(program() / "pg_combinebackup", kProgram);
        stdfs::permissions(program() / "pg_combinebackup", stdfs::perms::owner_all);
        stdfs::create_directories(places());
        stdfs::create_directory(data());
        stdfs::permissions(data(), stdfs::perms(0755));
    }

    Result<backup::Restored> combine(backup::TablespaceMapping tablespaces = {}) {
        last.become_link("0/100058", "0/100028");
        full.write_tar(root() / "backups/full");
        last.write_plain(root() / "backups/last");
        combined.become_link("0/100058");
        combined.write_plain(program() / "combined");
        if (const auto found = combined.tablespaces.find(16384); found != combined.tablespaces.end()) {
            for (const auto& member : found->second) {
                if (member.type == '0')
                    backup::test::write(program() / "combined/pg_tblspc/16384" / member.name, member.content);
            }
        }
        const backup::Located located = require(backup::locate_backup(root() / "backups"));
        Progress progress(system_clock(), "");
        return bootstrap::combine(
            {.backup = located.backup,
             .data_directory = data(),
             .tablespaces = std::move(tablespaces),
             .tablespace_suffix = ".staged",
             .may_be_there = [](std::string_view name) { return name == "postgresql.conf"; },
             .is_left_out = [](std::string_view path) { return path == "pg_hba.conf" || path == "postgresql.conf"; },
             .on_left_out = [this](const std::string& path, const auto& content) -> Status {
                 configuration[path] = content.value_or("");
                 return {};
             },
             .check_wal =
                 [this](const fs::Path& directory) {
                     checked_wal = directory;
                     return Status();
                 }},
            {.directory = program(), .major_version = 17}, progress, system_clock());
    }

    const fs::Path& root() const { return directory_.path(); }
    fs::Path program() const { return root() / "bin"; }
    fs::Path places() const { return root() / "places"; }
    fs::Path data() const { return places() / "data"; }
    std::string told(const std::string& name) const { return backup::test::read(program() / name); }

    Sample full;
    Sample last;
    Sample combined;
    fs::Path checked_wal;
    std::map<std::string, std::string> configuration;  // that the restore told of

  private:
    backup::test::TemporaryDirectory directory_;
};

mode_t mode_of(const fs::Path& path) {
    struct stat found = {};
    REQUIRE(::lstat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

TEST_CASE("the program gets a plain backup as it is, one in tar format unpacked, and what it makes is moved up") {
    Scene scene;
    const backup::Restored restored = require(scene.combine());
    const fs::Path data = scene.data();
    CHECK(scene.told("arguments") == "--output=" + (data / "incoming").string() +
                                         "\n--no-sync\n--manifest-checksums=CRC32C\n" + (data / "unpacked/0").string() +
                                         "\n" + (scene.root() / "backups/last").string() + "\n");
    CHECK_THAT(scene.told("unpacked"), ContainsText("/unpacked/0/base/5/1259\n"));
    CHECK_THAT(scene.told("unpacked"), ContainsText("/unpacked/0/backup_manifest\n"));
    CHECK(scene.told("unpacked").find("/pg_wal/0") == std::string::npos);  // the last one's alone is taken over
    CHECK(scene.checked_wal == data / "incoming/pg_wal");
    CHECK(backup::test::read(data / "base/5/1259") == std::string(8192, 'd'));
    for (const char* name : {"global/pg_control", "pg_wal/000000010000000000000001", "backup_label"})
        CHECK(stdfs::exists(data / name));
    for (const char* name : {"incoming", "unpacked", "backup_manifest", "pg_combinebackup.log", "postgresql.conf"})
        CHECK_FALSE(stdfs::exists(data / name));
    CHECK(scene.configuration.at("postgresql.conf") == scene.combined.member("postgresql.conf").content);
    CHECK(mode_of(data) == 0700);
    CHECK(mode_of(data / "base") == 0700);
    CHECK(mode_of(data / "PG_VERSION") == 0600);
    CHECK(restored.files > 5);
}

TEST_CASE("tablespaces are unpacked and combined in their places, and linked when they are complete") {
    Scene scene;
    scene.full.add_tablespace(16384, "/prod/fast");
    scene.full.add_tablespace(16385, "/prod/gone");
    scene.full.tablespaces.at(16385).pop_back();
    scene.full.member("tablespace_map").content = "16384 /prod/fast\n16385 /prod/gone\n";
    scene.full.become_link("0/100028");
    std::erase_if(scene.full.base, [is_first = true](const auto& member) mutable {
        return member.name == "tablespace_map" && !std::exchange(is_first, false);
    });
    scene.full.seal();
    scene.combined.tablespaces[16384] = {{.name = "PG_17_1/", .type = '5'},
                                         {.name = "PG_17_1/16386", .content = std::string(8192, 't')}};
    stdfs::create_directories(scene.root() / "backup-fast");
    stdfs::create_directories(scene.root() / "backups/last/pg_tblspc");
    stdfs::create_directory_symlink(scene.root() / "backup-fast", scene.root() / "backups/last/pg_tblspc/16384");
    const fs::Path fast = scene.places() / "fast.staged";
    const backup::Restored restored = require(scene.combine({{scene.root() / "backup-fast", scene.places() / "fast"}}));
    CHECK_THAT(scene.told("arguments"), ContainsText("--tablespace-mapping=" + (scene.root() / "backup-fast").string() +
                                                     "=" + (fast / "incoming").string() + "\n"));
    CHECK_THAT(scene.told("unpacked"), ContainsText("../places/fast.staged/unpacked/0/PG_15_202209061/5/16386\n"));
    CHECK_THAT(scene.told("unpacked"), ContainsText("../places/data/unpacked/0-16385\n"));
    CHECK(stdfs::read_symlink(scene.data() / "pg_tblspc/16384") == fast);
    CHECK(backup::test::read(fast / "PG_17_1/16386") == std::string(8192, 't'));
    CHECK_FALSE(stdfs::exists(fast / "incoming"));
    CHECK_FALSE(stdfs::exists(fast / "unpacked"));
    REQUIRE(restored.tablespaces.size() == 1);
    CHECK(restored.tablespaces[0].path == fast);
}

TEST_CASE("nothing is combined that has not been verified") {
    Scene scene;
    std::string label;
    SECTION("the one that is unpacked") {
        label = "full";
        scene.full.member("base/5/1259").content[100] = 'x';
    }
    SECTION("the one that is used where it is") {
        label = "last";
        backup::test::write(scene.root() / "backups/last/base/5/extra", "x");
    }
    const auto done = scene.combine();
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == Errc::backup_corrupt);
    CHECK_THAT(done.error().message, ContainsText("backup '" + label + "' does not match its manifest: base/5/"));
    CHECK_FALSE(stdfs::exists(scene.program() / "arguments"));
    CHECK_FALSE(stdfs::exists(scene.data() / "global"));
}

TEST_CASE("what the program brings is verified, and stays where it cannot be started if it is wrong") {
    Scene scene;
    scene.combined.seal();
    SECTION("a file that is not as the manifest says") {
        backup::test::write(scene.program() / "combined/base/5/extra", "x");
        const auto done = scene.combine();
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().code == Errc::backup_corrupt);
        CHECK(done.error().message == "backup 'last' does not match its manifest: base/5/extra: not in the manifest");
    }
    SECTION("a link elsewhere") {
        stdfs::create_directories(scene.program() / "combined");
        stdfs::create_symlink("/etc/passwd", scene.program() / "combined/linked");
        const auto done = scene.combine();
        REQUIRE_FALSE(done.has_value());
        CHECK(done.error().message == "the clone is refused: 'linked' is a link to '/etc/passwd'");
    }
    CHECK_FALSE(stdfs::exists(scene.data() / "global/pg_control"));
    CHECK(mode_of(scene.data() / "incoming") == 0701);
}

TEST_CASE("a backup that is written to while it is combined is not what was verified") {
    Scene scene;
    backup::test::write(scene.program() / "changes", "");
    const auto combined = scene.combine();
    REQUIRE_FALSE(combined.has_value());
    CHECK(combined.error().code == Errc::conflict);
    CHECK(combined.error().message ==
          "backup 'last' was changed in '" + (scene.root() / "backups/last").string() + "' while it was combined");
    CHECK_FALSE(stdfs::exists(scene.data() / "global/pg_control"));
}

TEST_CASE("a program that fails is an error with its words") {
    Scene scene;
    backup::test::write(scene.program() / "fails", "");
    const auto done = scene.combine();
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == Errc::process_failed);
    CHECK(done.error().message == "pg_combinebackup ended with status 1: it cannot be done");
    CHECK_FALSE(stdfs::exists(scene.data() / "global"));
}

TEST_CASE("a tablespace without a place is an error before anything is written") {
    Scene scene;
    stdfs::create_directories(scene.root() / "backup-fast");
    stdfs::create_directories(scene.root() / "backups/last/pg_tblspc");
    stdfs::create_directory_symlink(scene.root() / "backup-fast", scene.root() / "backups/last/pg_tblspc/16384");
    const auto done = scene.combine();
    REQUIRE_FALSE(done.has_value());
    CHECK(done.error().code == Errc::configuration);
    CHECK(done.error().message ==
          "tablespace '" + (scene.root() / "backup-fast").string() + "' of backup 'last' has no place here");
    CHECK(stdfs::is_empty(scene.data()));
}

TEST_CASE("an unpacked backup is one that no server starts on") {
    Scene scene;
    backup::test::write(scene.program() / "fails", "");  // what a kill would leave
    REQUIRE_FALSE(scene.combine().has_value());
    CHECK(mode_of(scene.data() / "unpacked/0") == 0701);
    CHECK_THAT(backup::test::read(scene.data() / "unpacked/0/postgresql.conf"),
               ContainsText("polygon-bootstrap has not finished here"));
}

}  // namespace
}  // namespace polygon::bootstrap
