#include "bootstrap/restore/sources/incoming.h"

#include <fstream>
#include <map>

#include <sys/stat.h>

#include "bootstrap/restore/files/carried_files.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

bool is_left_out(std::string_view path) {
    static const FileRules rules = support::require(FileRules::make({.keep = {{"kept", "tls/ca.crt"}, "x"}}));
    return rules.is_left_out(path);
}

class Staging {
  public:
    Staging() {
        stdfs::create_directory(places.staged);
        write(places.staged / "postgresql.conf", "bar");
        incoming = support::require(open_incoming(places.staged));
    }
    static void write(const stdfs::path& path, const std::string& content) {
        stdfs::create_directories(path.parent_path());
        std::ofstream(path) << content;
    }
    void write_cluster() const {
        for (const char* name : {"PG_VERSION", "backup_label", "backup_manifest", "global/pg_control", "base/1/112",
                                 "postgresql.conf", "pg_hba.conf", "recovery.signal", "conf.d/x.conf",
                                 "pg_replslot/slot/state", "pg_wal/000000010000000000000001"}) {
            write(incoming / name, name);
        }
        stdfs::create_directory(incoming / "pg_tblspc");
    }

    support::Scratch scratch;
    postgres::Places places = postgres::find_places(scratch.path() / "data");
    stdfs::path incoming;
};

TEST_CASE("PostgreSQL does not start on what comes in: others may enter it, if they could get there") {
    const Staging staging;
    struct stat found = {};
    REQUIRE(stat(staging.incoming.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0701);
}

TEST_CASE("what came in is moved up without what the clone must not have") {
    const Staging staging;
    staging.write_cluster();
    support::require(check_entries(staging.incoming, {}, is_left_out));
    Staging::write(staging.incoming / "kept/deep/file", "x");
    Staging::write(staging.incoming / "tls/ca.crt", "x");
    Staging::write(staging.incoming / "tls/server.key", "x");
    Staging::write(staging.incoming / "base/1/.pgpass", "x");
    stdfs::create_directories(staging.incoming / "empty/folder");
    stdfs::create_symlink("/prod", staging.incoming / "elsewhere");
    std::map<std::string, std::string> told;
    support::require(remove_left_out(staging.incoming, is_left_out, [&](const std::string& path, const auto& content) {
        told[path] = content.value_or("");
        return Status();
    }));
    CHECK(told == std::map<std::string, std::string>{{"backup_manifest", "backup_manifest"},
                                                     {"base/1/.pgpass", ""},
                                                     {"conf.d/x.conf", ""},
                                                     {"elsewhere", ""},
                                                     {"pg_hba.conf", "pg_hba.conf"},
                                                     {"pg_replslot/slot/state", ""},
                                                     {"postgresql.conf", "postgresql.conf"},
                                                     {"recovery.signal", "recovery.signal"},
                                                     {"tls/server.key", ""}});
    support::require(move_up(staging.places.staged));
    const stdfs::path& staged = staging.places.staged;
    for (const char* name : {"PG_VERSION", "backup_label", "global/pg_control", "base/1/112", "pg_replslot",
                             "kept/deep/file", "tls/ca.crt", "pg_wal/000000010000000000000001", "pg_tblspc"}) {
        INFO(name);
        CHECK(stdfs::exists(staged / name));
    }
    for (const char* name :
         {"incoming", "backup_manifest", "pg_hba.conf", "recovery.signal", "conf.d", "tls/server.key", "base/1/.pgpass",
          "empty", "elsewhere", "pg_replslot/slot", "pg_control"}) {
        INFO(name);
        CHECK_FALSE(stdfs::exists(staged / name));
    }
    CHECK(support::require(fs::read_file(staged / "postgresql.conf")) == "bar");
}

TEST_CASE("a stranger in a tablespace goes too, and a link to a folder stands for what is in it") {
    const Staging staging;
    staging.write_cluster();
    const stdfs::path fast = staging.scratch.path() / "fast.staged";
    Staging::write(fast / "PG_15_1/1/2", "x");
    Staging::write(fast / "PG_15_1/1/.2.swp", "x");
    stdfs::create_symlink(fast, staging.incoming / "pg_tblspc/16384");
    const stdfs::path extension = staging.scratch.path() / "extension";
    Staging::write(extension / "precious", "x");
    stdfs::create_symlink(extension, staging.incoming / "extension");
    const Status refused =
        remove_left_out(staging.incoming, is_left_out, [&](const std::string& path, const auto&) -> Status {
            if (path != "extension/") return {};
            return Error{Errc::configuration, "nobody knows " + path, ""};
        });
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().message == "nobody knows extension/");
    support::require(remove_left_out(staging.incoming, is_left_out, {}));
    CHECK(stdfs::exists(fast / "PG_15_1/1/2"));
    CHECK_FALSE(stdfs::exists(fast / "PG_15_1/1/.2.swp"));
    CHECK(stdfs::exists(extension / "precious"));
    CHECK_FALSE(stdfs::is_symlink(staging.incoming / "extension"));
}

TEST_CASE("without a control file nothing is moved") {
    const Staging staging;
    Staging::write(staging.incoming / "PG_VERSION", "15");
    const Status moved = move_up(staging.places.staged);
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().code == Errc::io);
    CHECK(stdfs::exists(staging.incoming / "PG_VERSION"));
}

TEST_CASE("a reserved tablespace's link gives way to the one that came, and goes if none came") {
    const Staging staging;
    staging.write_cluster();
    const stdfs::path fast = staging.scratch.path() / "fast.staged";
    const stdfs::path unused = staging.scratch.path() / "unused.staged";
    support::require(reserve_tablespaces(staging.places, {{"expected-0", fast}, {"expected-1", unused}}));
    CHECK(stdfs::read_symlink(staging.places.staged / "pg_tblspc/expected-0") == fast);
    Staging::write(fast / "PG_15_1/1/2", "x");
    stdfs::create_symlink(fast, staging.incoming / "pg_tblspc/16384");
    support::require(check_entries(staging.incoming, {fast, unused}, is_left_out));
    support::require(move_up(staging.places.staged));
    CHECK(stdfs::read_symlink(staging.places.staged / "pg_tblspc/16384") == fast);
    CHECK_FALSE(stdfs::is_symlink(staging.places.staged / "pg_tblspc/expected-0"));
    CHECK_FALSE(stdfs::is_symlink(staging.places.staged / "pg_tblspc/expected-1"));
}

TEST_CASE("a tablespace that was linked and not brought is an incomplete backup") {
    const Staging staging;
    staging.write_cluster();
    const stdfs::path fast = staging.scratch.path() / "fast.staged";
    stdfs::create_symlink(fast, staging.incoming / "pg_tblspc/16384");
    const Status refused = check_entries(staging.incoming, {fast}, is_left_out);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::backup_incomplete);
    CHECK(refused.error().message ==
          "tablespace 'pg_tblspc/16384' is incomplete: '" + fast.string() + "' is not there");
    CHECK(refused.error().hint == "Let the tool restore the tablespace's files to that place.");
}

TEST_CASE("who removes an unfinished clone removes its reserved tablespaces, and nothing that a tool's links name") {
    const Staging staging;
    staging.write_cluster();
    const stdfs::path fast = staging.scratch.path() / "fast.staged";
    const stdfs::path live = staging.scratch.path() / "production";
    support::require(reserve_tablespaces(staging.places, {{"16384", fast}}));
    Staging::write(fast / "PG_15_1/1/2", "half");
    Staging::write(live / "precious", "x");
    stdfs::create_symlink(live, staging.incoming / "pg_tblspc/16385");
    support::require(postgres::remove_data_directory(staging.places.staged, postgres::LinkTargets::all));
    CHECK_FALSE(stdfs::exists(fast));
    CHECK_FALSE(stdfs::exists(staging.places.staged));
    CHECK(stdfs::exists(live / "precious"));
}

TEST_CASE("a tablespace that leads anywhere but to its place is refused") {
    const Staging staging;
    staging.write_cluster();
    stdfs::create_symlink("/prod/fast", staging.incoming / "pg_tblspc/16384");
    const Status refused = check_entries(staging.incoming, {"/here/fast.staged"}, is_left_out);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::backup_corrupt);
    CHECK(refused.error().message == "the clone is refused: tablespace 'pg_tblspc/16384' is a link to '/prod/fast'");
    CHECK(refused.error().hint == "By polygon.tablespaces it has to be in '/here/fast.staged': tell the tool.");
}

TEST_CASE("a link elsewhere is refused, unless the clone does not get it") {
    const Staging staging;
    staging.write_cluster();
    stdfs::remove(staging.incoming / "postgresql.conf");
    stdfs::create_symlink("/etc/postgresql/postgresql.conf", staging.incoming / "postgresql.conf");
    CHECK(check_entries(staging.incoming, {}, is_left_out).has_value());
    stdfs::create_symlink("/prod/base/5", staging.incoming / "base/5");
    const Status refused = check_entries(staging.incoming, {}, is_left_out);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::backup_corrupt);
    CHECK(refused.error().message == "the clone is refused: 'base/5' is a link to '/prod/base/5'");
}

TEST_CASE("a FIFO is refused, in a tablespace too") {
    const Staging staging;
    staging.write_cluster();
    const stdfs::path fast = staging.scratch.path() / "fast.staged";
    stdfs::create_directories(fast / "PG_15_1");
    REQUIRE(mkfifo((fast / "PG_15_1/pipe").c_str(), 0600) == 0);
    stdfs::create_symlink(fast, staging.incoming / "pg_tblspc/16384");
    const Status refused = check_entries(staging.incoming, {fast}, is_left_out);
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error().message, ContainsText("PG_15_1/pipe' is no regular file"));
}

TEST_CASE("places of tablespaces are checked before anything is linked") {
    const Staging staging;
    const stdfs::path full = staging.scratch.path() / "full.staged";
    Staging::write(full / "precious", "x");
    const Status occupied = reserve_tablespaces(staging.places, {{"1", full}});
    REQUIRE_FALSE(occupied.has_value());
    CHECK(occupied.error().code == Errc::data_directory_occupied);
    CHECK(occupied.error().message == "directory '" + full.string() + "' for a tablespace is not empty (1 entries)");
    for (const stdfs::path& place : {staging.places.staged / "fast", staging.places.data / "fast.staged"}) {
        const Status inside = reserve_tablespaces(staging.places, {{"1", place}});
        REQUIRE_FALSE(inside.has_value());
        CHECK(inside.error().code == Errc::configuration);
        CHECK(inside.error().message ==
              "a tablespace cannot go to '" + place.string() + "': it is in the data directory");
    }
    for (const char* name : {"../../production", "..", "", "a/b"}) {
        INFO(name);
        const Status outside = reserve_tablespaces(staging.places, {{name, "/fast.staged"}});
        REQUIRE_FALSE(outside.has_value());
        CHECK_THAT(outside.error().message, ContainsText("is no name of a tablespace's link"));
    }
    const Status nested = reserve_tablespaces(staging.places, {{"1", "/a/b"}, {"2", "/a/b/c"}});
    REQUIRE_FALSE(nested.has_value());
    CHECK(nested.error().message == "a tablespace cannot go to '/a/b/c': another one goes there");
    CHECK_FALSE(stdfs::exists(staging.places.staged / "pg_tblspc"));
    CHECK(stdfs::exists(full / "precious"));
}

}  // namespace
}  // namespace polygon::bootstrap
