#include "common/postgres/seal.h"

#include <fstream>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

void put(const Path& path, const std::string& text) {
    stdfs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

// A staged clone with a tablespace, sealed.
Places make_sealed(const Path& root) {
    const Places places = find_places(root / "data");
    put(places.staged / "PG_VERSION", "15\n");
    put(places.staged / "base/1/1", "rows");
    put(root / "fast.staged/PG_15/1/2", "rows");
    stdfs::create_directories(places.staged / "pg_tblspc");
    stdfs::create_symlink(root / "fast.staged", places.staged / "pg_tblspc/16384");
    REQUIRE(write_marker(places.staged, {.generation = "g1", .stage = Stage::restored}).has_value());
    REQUIRE(seal(places.staged).has_value());
    return places;
}

TEST_CASE("a sealed clone is sealed until something of it changes") {
    const support::Scratch scratch;
    const Places places = make_sealed(scratch.path());
    REQUIRE(require_sealed(places.staged).has_value());

    SECTION("a file's content, the size as before") {
        put(places.staged / "base/1/1", "r0ws");
    }
    SECTION("a file's content in a tablespace") {
        put(scratch.path() / "fast.staged/PG_15/1/2", "rows and more");
    }
    SECTION("a file less") {
        stdfs::remove(places.staged / "base/1/1");
    }
    SECTION("a file more") {
        put(places.staged / "base/1/3", "");
    }
    SECTION("an empty directory more") {
        stdfs::create_directory(places.staged / "base/5");
    }
    const Status sealed = require_sealed(places.staged);
    REQUIRE_FALSE(sealed.has_value());
    CHECK(sealed.error().code == Errc::conflict);
    CHECK_THAT(sealed.error().message, ContainsText("was changed after it was made"));
}

TEST_CASE("putting a clone in its place and taking it back leave its seal whole") {
    const support::Scratch scratch;
    const Places places = make_sealed(scratch.path());
    REQUIRE(put_in_place(places).has_value());
    CHECK(stdfs::read_symlink(places.data / "pg_tblspc/16384") == scratch.path() / "fast");
    CHECK(require_sealed(places.data).has_value());
    REQUIRE(take_back(places).has_value());
    CHECK(stdfs::read_symlink(places.staged / "pg_tblspc/16384") == scratch.path() / "fast.staged");
    CHECK(require_sealed(places.staged).has_value());
}

TEST_CASE("what a crash has left of writing polygon.json or of re-pointing a link does not break the seal") {
    const support::Scratch scratch;
    const Places places = make_sealed(scratch.path());
    put(places.staged / ".polygon.json.new", "{");
    stdfs::create_symlink(scratch.path() / "fast", places.staged / "pg_tblspc/.16384.new");
    stdfs::create_symlink(scratch.path() / "wal", places.staged / ".pg_wal.new");
    CHECK(require_sealed(places.staged).has_value());
    put(places.staged / "base/.polygon.json.new", "{");
    CHECK_FALSE(require_sealed(places.staged).has_value());
}

TEST_CASE("what was never sealed is not sealed") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    put(places.staged / "PG_VERSION", "15\n");
    REQUIRE(write_marker(places.staged, {.generation = "g1"}).has_value());
    CHECK_THAT(require_sealed(places.staged).error().message, ContainsText("was never finished"));
}

}  // namespace
}  // namespace polygon::postgres
