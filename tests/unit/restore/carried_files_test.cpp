#include "bootstrap/restore/files/carried_files.h"

#include "bootstrap/restore/files/postgres_files.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

using support::require;
using Lines = std::vector<std::string>;

FileRules rules_of(Lines keep = {}, Lines exclude = {}) {
    return require(FileRules::make({.keep = {keep, "patroni.yml:7"}, .exclude = {exclude, "patroni.yml:8"}}));
}

backup::Manifest manifest_of(const Lines& paths) {
    backup::Manifest manifest;
    for (const std::string& path : paths)
        manifest.files.push_back({.path = path});
    return manifest;
}

TEST_CASE("what PostgreSQL keeps in a data directory is carried") {
    for (const char* path : {"PG_VERSION",
                             "backup_label",
                             "tablespace_map",
                             "base",
                             "base/1",
                             "base/1/PG_VERSION",
                             "base/1/pg_filenode.map",
                             "base/1/1259",
                             "base/4294967295/16384.12",
                             "base/5/16384_fsm",
                             "base/5/16384_vm.1",
                             "base/5/16384_init",
                             "global/pg_control",
                             "global/pg_filenode.map",
                             "global/1262_fsm",
                             "pg_wal/000000010000000000000003",
                             "pg_wal/00000002.history",
                             "pg_wal/archive_status",
                             "pg_wal/archive_status/000000010000000000000003.done",
                             "pg_wal/archive_status/00000002.history.done",
                             "pg_wal/summaries",
                             "pg_tblspc",
                             "pg_tblspc/16384",
                             "pg_tblspc/16384/PG_15_202209061",
                             "pg_tblspc/16384/PG_15_202209061/5/16385.1",
                             "pg_tblspc/16384/PG_15_202209061/5/PG_VERSION",
                             "pg_logical/replorigin_checkpoint",
                             "pg_logical/snapshots/0-1558978.snap",
                             "pg_logical/mappings/map-5-4eb-0_1-2-3",
                             "pg_xact/0000",
                             "pg_commit_ts/00A1F",
                             "pg_multixact/members/0000",
                             "pg_multixact/offsets/000000000012ABC",
                             "pg_twophase/000002EF",
                             "pg_twophase/00000000000002EF",
                             "pg_replslot",
                             "pg_stat",
                             "pg_notify"}) {
        INFO(path);
        CHECK(provenance_of(path, 15) == Provenance::data);
        CHECK_FALSE(rules_of().is_left_out(path));
    }
}

TEST_CASE("what a server keeps for itself alone is dropped") {
    for (const char* path : {"standby.signal",
                             "recovery.signal",
                             "any.signal",
                             "promote",
                             "postmaster.pid",
                             "postmaster.opts",
                             ".s.PGSQL.5432.lock",
                             "current_logfiles",
                             "backup_label.old",
                             "backup_manifest",
                             "pg_replslot/slot/state",
                             "pg_stat/pgstat.stat",
                             "pg_stat_tmp/global.stat",
                             "pg_notify/0000",
                             "pg_snapshots/00000003-1",
                             "pg_subtrans/0000",
                             "pg_dynshmem/mmap.1",
                             "base/pgsql_tmp/pgsql_tmp7.0",
                             "base/5/t3_16384",
                             "base/5/t3_16384_fsm.1",
                             "base/5/pg_internal.init",
                             "base/5/pg_internal.init.77",
                             "global/pg_internal.init",
                             "global/pgstat.stat",
                             "pg_wal/xlogtemp.7",
                             "pg_wal/RECOVERYXLOG",
                             "pg_wal/000000010000000000000003.partial",
                             "pg_wal/000000010000000000000003.00000028.backup",
                             "pg_wal/archive_status/000000010000000000000003.ready",
                             "pg_wal/summaries/0000000100000000010000280000000001000128.summary",
                             "pg_tblspc/16384/PG_15_202209061/pgsql_tmp/pgsql_tmp7.0",
                             "pg_tblspc/16384/PG_14_202107181/5/16385"}) {
        INFO(path);
        FileRules rules = rules_of();
        rules.set_major_version(15);
        CHECK(rules.fate_of(path) == Fate::dropped);
    }
}

TEST_CASE("other files are excluded, and so are folders that are of no use to a clone") {
    for (const char* path : {"postgresql.conf",
                             "postgresql.base.conf",
                             "postgresql.auto.conf.tmp",
                             "postgresql.conf~",
                             "pg_hba.conf",
                             "pg_ident.conf.orig",
                             "custom.conf",
                             "patroni.dynamic.json",
                             "polygon.json",
                             "server.key",
                             ".pgpass",
                             "16384",
                             "log/postgresql-Mon.log",
                             "pg_log/postgresql.csv",
                             "conf.d/archive.conf",
                             "lost+found/1",
                             "pg_upgrade_output.d/20261120T030000/log/x",
                             "base/16384.bak",
                             "base/1/.pgpass",
                             "base/1/.1259.swp",
                             "base/1/1259~",
                             "base/1/16384_fsm2",
                             "base/1/16384.x",
                             "base/1/tx_16384",
                             "base/1/12345678901",
                             "global/server.key",
                             "pg_xact/0000.bak",
                             "pg_multixact/members/x",
                             "pg_twophase/notes",
                             "pg_logical/replorigin_checkpoint~",
                             "pg_tblspc/notes",
                             "pg_tblspc/16384/notes",
                             "pg_tblspc/16384/lost+found/x",
                             "pg_wal/.wal-g/prefetch/running/000000010000000000000003",
                             "pg_wal/notes"}) {
        INFO(path);
        CHECK(rules_of().fate_of(path) == Fate::excluded);
    }
}

TEST_CASE("a folder that is neither is unknown, wherever it is") {
    for (const char* path :
         {"orioledb_data/1/16385", "orioledb_undo/0", "pg_tde/1664_providers", "tls/server.key", "base/16384x/1",
          "base/1/sub/1", "global/more/1", "pg_xact/old/0000", "pg_tblspc/other/PG_15_1/1/1", "pg_tblspc/16384/other/1",
          "pg_logical/more/x", ".snapshot/hourly/base/1/1"}) {
        INFO(path);
        CHECK(rules_of().fate_of(path) == Fate::unknown);
    }
    CHECK(rules_of().entry_of("orioledb_data/1/16385") == "orioledb_data/");
    CHECK(rules_of().entry_of("base/1/sub/1") == "base/1/sub/");
    CHECK(rules_of().entry_of("base/1/.pgpass") == "base/1/.pgpass");
}

TEST_CASE("the nearest entry of files.keep and files.exclude decides") {
    const FileRules rules = rules_of({"orioledb_data", "tls/ca.crt", "base/1/notes"}, {"orioledb_data/tmp", "scratch"});
    CHECK(rules.fate_of("orioledb_data") == Fate::carried);
    CHECK(rules.fate_of("orioledb_data/1/2") == Fate::carried);
    CHECK(rules.fate_of("orioledb_data/tmp/2") == Fate::excluded);
    CHECK(rules.fate_of("orioledb_data2/2") == Fate::unknown);
    CHECK(rules.fate_of("tls/ca.crt") == Fate::carried);
    CHECK(rules.fate_of("tls/server.key") == Fate::unknown);
    CHECK(rules.fate_of("base/1/notes") == Fate::carried);
    CHECK(rules.fate_of("scratch/a/b") == Fate::excluded);
    const FileRules below = rules_of({"base/5", "pg_wal"});  // PGroonga keeps its files in a database's folder
    CHECK(below.fate_of("base/5/pgrn.0000001") == Fate::carried);
    CHECK(below.fate_of("base/5/1259") == Fate::carried);
    CHECK(below.fate_of("base/5/t3_16384") == Fate::dropped);
    CHECK(below.fate_of("pg_wal/archive_status/000000010000000000000003.ready") == Fate::dropped);
    CHECK(rules.entry_of("orioledb_data/tmp/2") == "orioledb_data/");
    CHECK(rules.entry_of("scratch/a/b") == "scratch/");
}

TEST_CASE("what a clone must not have cannot be kept, and what PostgreSQL needs cannot be excluded") {
    const auto refusal = [](const Lines& keep, const Lines& exclude) {
        const auto made = FileRules::make({.keep = {keep, "patroni.yml:7"}, .exclude = {exclude, "patroni.yml:8"}});
        REQUIRE_FALSE(made.has_value());
        CHECK(made.error().code == Errc::configuration);
        CHECK(made.error().hint == "Take it out.");
        return made.error().message;
    };
    for (const std::string entry : {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "patroni.dynamic.json",
                                    "standby.signal", "polygon.json", "pg_replslot", "pg_replslot/slot", "pg_stat"}) {
        CHECK(refusal({entry}, {}) ==
              "polygon.files.keep (patroni.yml:7) names '" + entry + "', which a clone must not have of production");
    }
    for (const std::string entry : {"base", "base/5", "global/pg_control", "pg_wal", "PG_VERSION"})
        CHECK(refusal({}, {entry}) ==
              "polygon.files.exclude (patroni.yml:8) names '" + entry + "', which PostgreSQL needs");
    CHECK(refusal({"a"}, {"a"}) == "polygon.files.exclude (patroni.yml:8) names 'a', as files.keep does");
}

TEST_CASE("a manifest's unknown folders are named, all of them") {
    const FileRules rules = rules_of();
    ExcludedFiles excluded(rules);
    const Status refused =
        excluded.note_all(manifest_of({"base/5/1259", "orioledb_data/1/2", "orioledb_data/1/3", "pg_tde/x"}));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message ==
          "the backup holds the folders 'orioledb_data', 'pg_tde', which are not PostgreSQL's own, and nothing says "
          "whether the clone needs them");
    CHECK(refused.error().hint ==
          "Name each in polygon.files.keep (an extension keeps data there) or in polygon.files.exclude.");
    CHECK(excluded.note("tls/server.key").error().message ==
          "the backup holds the folder 'tls', which is not PostgreSQL's own, and nothing says whether the clone needs "
          "it");
}

TEST_CASE("the record has files and folders, and not what is dropped") {
    const FileRules rules = rules_of({}, {"scratch"});
    ExcludedFiles excluded(rules);
    require(excluded.note_all(manifest_of({"log/1", "log/old/2", "pg_hba.conf", "scratch/1", "base/1/.pgpass",
                                           "base/5/INCREMENTAL.1259", "pg_stat/x", "base/5/1259"})));
    CHECK(excluded.count() == 5);
    CHECK(excluded.lines() == Lines{"base/1/.pgpass", "log/ (2 files)", "pg_hba.conf", "scratch/ (1 file)"});
    for (int i = 0; i < 300; ++i)
        require(excluded.note("stray" + std::to_string(i)));
    CHECK(excluded.lines().size() == 201);
    CHECK(excluded.lines().back() == "and 104 more");
}

TEST_CASE("what is to be kept has to be there") {
    const support::Scratch scratch;
    const FileRules rules = rules_of({"orioledb_data", "orioledb_undo"});
    CHECK(rules.not_in(manifest_of({"base/1/2", "orioledb_data/x"})) == Lines{"orioledb_undo"});
    std::filesystem::create_directories(scratch.path() / "orioledb_data");
    const Status refused = rules.require_kept(scratch.path());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::backup_incomplete);
    CHECK(refused.error().message ==
          "polygon.files.keep (patroni.yml:7) names 'orioledb_undo', which the backup does not hold");
    std::filesystem::create_directories(scratch.path() / "orioledb_undo");
    require(rules.require_kept(scratch.path()));
}

}  // namespace
}  // namespace polygon::bootstrap
