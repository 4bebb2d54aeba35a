#include "bootstrap/restore/carried_over.h"

#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

TEST_CASE("nothing that configures production or signals to a server is carried over") {
    for (const char* path : {"postgresql.conf",
                             "postgresql.base.conf",
                             "postgresql.auto.conf",
                             "pg_hba.conf",
                             "pg_ident.conf",
                             "standby.signal",
                             "recovery.signal",
                             "patroni.dynamic.json",
                             "postgresql.conf.backup",
                             "pg_hba.conf.backup",
                             "conf.d/archive.conf",
                             "pg_replslot/slot/state",
                             "pg_stat/pgstat.stat",
                             "custom.conf",
                             "log/postgresql-Mon.log",
                             "pg_log/postgresql.csv",
                             "postmaster.pid",
                             ".s.PGSQL.5432.lock",
                             "postmaster.opts",
                             "postgresql.auto.conf.tmp",
                             "postgresql.conf~",
                             "postgresql.base.conf.bak",
                             "patroni.dynamic.jsonx1y2",
                             "pg_hba.conf.orig",
                             "any.signal",
                             "promote",
                             "fallback_promote",
                             "trigger_file",
                             "logrotate",
                             "backup_label.old",
                             "tablespace_map.old",
                             "current_logfiles",
                             "pg_stat_tmp/global.stat",
                             "pg_notify/0000",
                             "pg_snapshots/00000003-1",
                             "pg_serial/0000",
                             "pg_subtrans/0000",
                             "pg_dynshmem/mmap.1"}) {
        INFO(path);
        CHECK(is_left_out(path));
    }
}

TEST_CASE("data, and the empty directories that PostgreSQL wants, are carried over") {
    for (const char* path : {"PG_VERSION",
                             "base/1/1259",
                             "global/pg_control",
                             "backup_label",
                             "pg_replslot",
                             "pg_stat",
                             "pg_wal/000000010000000000000003",
                             "base/16384/conf.d",
                             "pg_hba.conf.d/x",
                             "pg_hba.conf.d",
                             "postgresql.conf.d",
                             "postgresql.conf.d/x",
                             "tablespace_map",
                             "pg_notify",
                             "pg_logical/replorigin_checkpoint",
                             "pg_logical/snapshots/0-1.snap",
                             "pg_logical/mappings/map-1",
                             "pg_xact/0000",
                             "pg_multixact/members/0000",
                             "pg_commit_ts/0000",
                             "pg_twophase/00000001",
                             "global/pg_filenode.map",
                             "base/1/x.signal",
                             "pg_wal/archive_status/000000010000000000000003.done"}) {
        INFO(path);
        CHECK_FALSE(is_left_out(path));
    }
}

TEST_CASE("configuration is what is at the top with its ending, and all of conf.d") {
    for (const char* path : {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf", "site.conf", "conf.d/a/b"}) {
        CHECK(is_configuration(path));
        CHECK(is_left_out(path));
    }
    for (const char* path : {"PG_VERSION", "base/1/x.conf", "conf.d", "postgresql.conf.backup"})
        CHECK_FALSE(is_configuration(path));
}

TEST_CASE("statistics are removed, their directories stay") {
    const support::Scratch scratch;
    std::filesystem::create_directory(scratch.path() / "pg_stat");
    REQUIRE(remove_statistics(scratch.path()).has_value());
    REQUIRE(fs::write_file_durably(scratch.path() / "pg_stat/pg_stat_statements.stat", "x").has_value());
    REQUIRE(remove_statistics(scratch.path()).has_value());
    CHECK(std::filesystem::is_empty(scratch.path() / "pg_stat"));
}

TEST_CASE("the bar is replaced by a configuration that holds nothing of production's") {
    const support::Scratch scratch;
    REQUIRE(bar_start(scratch.path()).has_value());
    CHECK_THAT(*fs::read_file(scratch.path() / "postgresql.conf"),
               ContainsText("polygon-bootstrap has not finished here\n"));
    REQUIRE(write_own_configuration(scratch.path()).has_value());
    CHECK_THAT(*fs::read_file(scratch.path() / "postgresql.conf"),
               ContainsText("rules.\nwal_retrieve_retry_interval = '500ms'\n"));
    CHECK(fs::read_file(scratch.path() / "postgresql.auto.conf")->empty());
    CHECK(fs::read_file(scratch.path() / "pg_hba.conf")->find("trust") == std::string::npos);
}

TEST_CASE("private keys at the top of the data directory are named, and stay") {
    const support::Scratch scratch;
    REQUIRE(
        fs::write_file_durably(scratch.path() / "server.key", "-----BEGIN EC PRIVATE KEY-----\nAAAA\n").has_value());
    REQUIRE(fs::write_file_durably(scratch.path() / "server.crt", "-----BEGIN CERTIFICATE-----\n").has_value());
    REQUIRE(fs::write_file_durably(scratch.path() / "PG_VERSION", "15\n").has_value());
    const auto found = find_private_keys(scratch.path());
    REQUIRE(found.has_value());
    CHECK(*found == std::vector<std::string>{"file server.key: a private key of production's, in the data directory"});
    CHECK(std::filesystem::exists(scratch.path() / "server.key"));
    CHECK_FALSE(find_private_keys(scratch.path() / "absent").has_value());
}

TEST_CASE("private keys in folders that are not PostgreSQL's own are named too, links are not followed") {
    const support::Scratch scratch;
    const support::Scratch elsewhere;
    const std::string key = "-----BEGIN PRIVATE KEY-----\nAAAA\n";
    std::filesystem::create_directories(scratch.path() / "tls/old");
    std::filesystem::create_directories(scratch.path() / "base/1");
    for (const std::string path : {"tls/old/server.pem", "tls/client", "base/1/16384"})
        REQUIRE(fs::write_file_durably(scratch.path() / path, key).has_value());
    REQUIRE(fs::write_file_durably(scratch.path() / "tls/large", key + std::string(70000, 'x')).has_value());
    REQUIRE(fs::write_file_durably(elsewhere.path() / "key", key).has_value());
    std::filesystem::create_directory_symlink(elsewhere.path(), scratch.path() / "linked");
    const auto found = find_private_keys(scratch.path());
    REQUIRE(found.has_value());
    CHECK(*found ==
          std::vector<std::string>{"file tls/client: a private key of production's, in the data directory",
                                   "file tls/old/server.pem: a private key of production's, in the data directory"});
}

TEST_CASE("password files are removed and named, wherever they are outside PostgreSQL's own folders") {
    const support::Scratch scratch;
    std::filesystem::create_directories(scratch.path() / "home/app");
    std::filesystem::create_directories(scratch.path() / "base/1");
    for (const std::string path : {".pgpass", "home/app/.pgpass", "home/pgpass0", "home/kept", "base/1/.pgpass"})
        REQUIRE(fs::write_file_durably(scratch.path() / path, "*:*:*:*:hunter2").has_value());
    const auto removed = remove_password_files(scratch.path());
    REQUIRE(removed.has_value());
    CHECK(*removed == std::vector<std::string>{"file .pgpass: passwords of production's, removed",
                                               "file home/app/.pgpass: passwords of production's, removed",
                                               "file home/pgpass0: passwords of production's, removed"});
    for (const char* path : {".pgpass", "home/app/.pgpass", "home/pgpass0"})
        CHECK_FALSE(std::filesystem::exists(scratch.path() / path));
    CHECK(std::filesystem::exists(scratch.path() / "home/kept"));
    CHECK(remove_password_files(scratch.path())->empty());
}

}  // namespace
}  // namespace polygon::bootstrap
