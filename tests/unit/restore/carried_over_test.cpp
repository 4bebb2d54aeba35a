#include "bootstrap/restore/carried_over.h"

#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

TEST_CASE("nothing that configures production or signals to a server is carried over") {
    for (const char* path :
         {"postgresql.conf", "postgresql.base.conf", "postgresql.auto.conf", "pg_hba.conf", "pg_ident.conf",
          "standby.signal", "recovery.signal", "patroni.dynamic.json", "postgresql.conf.backup", "pg_hba.conf.backup",
          "conf.d/archive.conf", "pg_replslot/slot/state", "pg_stat/pgstat.stat", "custom.conf", "postmaster.pid",
          ".s.PGSQL.5432.lock"}) {
        CHECK(is_left_out(path));
    }
}

TEST_CASE("data, and the empty directories that PostgreSQL wants, are carried over") {
    for (const char* path : {"PG_VERSION", "base/1/1259", "global/pg_control", "backup_label", "pg_replslot", "pg_stat",
                             "pg_wal/000000010000000000000003", "base/16384/conf.d", "pg_hba.conf.d/x"}) {
        CHECK_FALSE(is_left_out(path));
    }
}

TEST_CASE("the bar is replaced by a configuration that holds no setting") {
    const support::Scratch scratch;
    REQUIRE(bar_start(scratch.path()).has_value());
    CHECK_THAT(*fs::read_file(scratch.path() / "postgresql.conf"),
               ContainsText("polygon-bootstrap has not finished here\n"));
    REQUIRE(write_own_configuration(scratch.path()).has_value());
    CHECK(fs::read_file(scratch.path() / "postgresql.conf")->find("\n#") == std::string::npos);
    CHECK(fs::read_file(scratch.path() / "postgresql.conf")->front() == '#');
    CHECK(fs::read_file(scratch.path() / "postgresql.auto.conf")->empty());
    CHECK(fs::read_file(scratch.path() / "pg_hba.conf")->find("trust") == std::string::npos);
}

}  // namespace
}  // namespace polygon::bootstrap
