#include "bootstrap/restore/commands/destination.h"

#include <fstream>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using support::require;

mode_t mode_of(const fs::Path& path) {
    struct stat found = {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

void fill(const fs::Path& directory) {
    stdfs::create_directories(directory / "global");
    std::ofstream(directory / "global/pg_control") << "x";
    std::ofstream(directory / "PG_VERSION") << "15\n";
}

TEST_CASE("a directory that was not there is gone again, with the parents made for it") {
    const support::Scratch scratch;
    const Destination destination = require(Destination::take(scratch.path() / "a/b/data"));
    fill(scratch.path() / "a/b/data");
    require(destination.put_back());
    CHECK(stdfs::is_empty(scratch.path()));
}

TEST_CASE("an empty directory is empty again and has its mode") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    REQUIRE(::mkdir(data.c_str(), 0700) == 0);
    REQUIRE(::chmod(data.c_str(), 0750) == 0);
    const Destination destination = require(Destination::take(data));
    REQUIRE(::chmod(data.c_str(), 0700) == 0);
    fill(data);
    require(destination.put_back());
    CHECK(stdfs::is_empty(data));
    CHECK(mode_of(data) == 0750);
}

TEST_CASE("a directory with anything in it is refused and left alone") {
    const support::Scratch scratch;
    std::ofstream(scratch.path() / "precious") << "x";
    const auto refused = Destination::take(scratch.path());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::data_directory_occupied);
    CHECK(refused.error().message == "directory '" + scratch.path().string() + "' is not empty (1 entries)");
    CHECK(refused.error().hint == "Name a directory that is empty or does not exist.");
    CHECK(stdfs::exists(scratch.path() / "precious"));
}

TEST_CASE("of two restores into one directory the second is refused, and takes nothing away from the first") {
    const support::Scratch scratch;
    const fs::Path data = scratch.path() / "data";
    const Destination first = require(Destination::take(data));
    const auto second = Destination::take(data);
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().code == Errc::conflict);
    CHECK(second.error().message == "another restore is filling '" + data.string() + "'");
    CHECK(second.error().hint == "Wait for its end, or name another directory.");
    CHECK(stdfs::exists(data));
}

TEST_CASE("a place that was made and not needed is gone at the end, one that was needed stays") {
    const support::Scratch scratch;
    const Destination unused = require(Destination::take(scratch.path() / "unused"));
    const Destination used = require(Destination::take(scratch.path() / "used"));
    fill(scratch.path() / "used");
    require(unused.settle());
    require(used.settle());
    CHECK_FALSE(stdfs::exists(scratch.path() / "unused"));
    CHECK(stdfs::exists(scratch.path() / "used/PG_VERSION"));
}

}  // namespace
}  // namespace polygon::bootstrap
