#include "bootstrap/restore/commands/leftover.h"

#include <filesystem>
#include <fstream>

#include "bootstrap/restore/commands/destination.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using support::require;

void put(const fs::Path& path) {
    stdfs::create_directories(path.parent_path());
    std::ofstream(path) << "x";
}

TEST_CASE("a directory is a leftover from the first mark until the mark is taken off") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    const Destination destination = require(Destination::take(data));
    CHECK(is_leftover(data));
    put(data / "PG_VERSION");
    CHECK(is_leftover(data));
    put(data / "backup_label");
    put(data / "global/pg_control");
    CHECK(is_leftover(data));
    require(destination.settle());
    CHECK_FALSE(is_leftover(data));
    CHECK(stdfs::exists(data / "global/pg_control"));
}

TEST_CASE("a directory without the mark is no leftover, however unfinished it looks") {
    const support::Scratch scratch;
    put(scratch.path() / "PG_VERSION");
    CHECK_FALSE(is_leftover(scratch.path()));
}

TEST_CASE("a directory in which PostgreSQL was started is no leftover, mark or not") {
    const support::Scratch scratch;
    require(mark_incomplete(scratch.path()));
    put(scratch.path() / "global/pg_control");
    CHECK_FALSE(is_leftover(scratch.path()));
    put(scratch.path() / "backup_label");
    CHECK(is_leftover(scratch.path()));
    put(scratch.path() / "postmaster.pid");
    CHECK_FALSE(is_leftover(scratch.path()));
}

TEST_CASE("a leftover is emptied by who takes the directory, who marks it as his own") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    put(data / "base/5/1259");
    require(mark_incomplete(data));
    const Destination destination = require(Destination::take(data));
    CHECK_FALSE(stdfs::exists(data / "base"));
    CHECK(is_leftover(data));
    require(destination.put_back());
    CHECK(stdfs::is_empty(data));
}

TEST_CASE(
    "a complete restore that was killed with its tablespaces' marks off gives them back, of its own tablespaces") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    for (const char* tablespace : {"own", "other"})
        put(scratch.path() / tablespace / "PG_15_202209061/5/16386");
    for (const char* file : {"backup_label", "global/pg_control"})
        put(data / file);
    stdfs::create_directories(data / "pg_tblspc/16385");  // an in-place one
    stdfs::create_directory_symlink(scratch.path() / "own", data / "pg_tblspc/16384");
    stdfs::create_directory_symlink(scratch.path() / "gone", data / "pg_tblspc/16386");
    require(mark_incomplete(data));
    require(remove_leftover(data));
    CHECK(is_leftover(data));
    CHECK_FALSE(stdfs::exists(data / "global"));
    CHECK(is_leftover(scratch.path() / "own"));
    CHECK(stdfs::exists(scratch.path() / "own/PG_15_202209061/5/16386"));
    CHECK_FALSE(is_leftover(scratch.path() / "other"));
}

}  // namespace
}  // namespace polygon::bootstrap
