#include "common/postgres/data_directory.h"

#include <fstream>

#include <unistd.h>

#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

void put(const Path& path, const std::string& text) {
    stdfs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

std::string get(const Path& path) {
    return fs::read_file(path).value_or("(none)");
}

void make_data(const Path& directory, const std::string& mark) {
    put(directory / "PG_VERSION", "15\n");
    put(directory / "global/pg_control", mark);
    put(directory / "base/1/1", mark);
    stdfs::create_directories(directory / "pg_tblspc");
}

TEST_CASE("a data directory's companions stand beside it, whatever its name ends with") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data/");
    CHECK(places.data == scratch.path() / "data");
    CHECK(places.staged == scratch.path() / "data.staged");
    CHECK(places.previous == scratch.path() / "data.previous");
}

TEST_CASE("behind a link they stand beside what it points at, and the link stays") {
    const support::Scratch scratch;
    make_data(scratch.path() / "disk/pg", "old");
    REQUIRE(fs::replace_link(scratch.path() / "data", scratch.path() / "disk/pg").has_value());
    const Places places = find_places(scratch.path() / "data");
    CHECK(places.staged == scratch.path() / "disk/pg.staged");
    REQUIRE(set_aside(places).has_value());
    CHECK(find_places(scratch.path() / "data").staged == places.staged);  // now that the link dangles
    make_data(places.staged, "new");
    REQUIRE(put_in_place(places).has_value());
    CHECK(get(scratch.path() / "data/global/pg_control") == "new");
    CHECK(stdfs::is_symlink(scratch.path() / "data"));
}

TEST_CASE("a link whose target was set aside gets an empty directory to lead to, private") {
    const support::Scratch scratch;
    const Path data = scratch.path() / "data/";
    REQUIRE(ensure_link_target(data).has_value());
    CHECK_FALSE(stdfs::exists(scratch.path() / "data"));  // no link: whoever makes the data makes the directory
    make_data(scratch.path() / "disk/pg", "old");
    REQUIRE(fs::replace_link(scratch.path() / "data", scratch.path() / "disk/pg").has_value());
    REQUIRE(ensure_link_target(data).has_value());
    CHECK(get(scratch.path() / "data/base/1/1") == "old");
    REQUIRE(set_aside(find_places(data)).has_value());
    REQUIRE(ensure_link_target(data).has_value());
    CHECK(stdfs::is_empty(scratch.path() / "data/"));
    CHECK(stdfs::status(scratch.path() / "disk/pg").permissions() == stdfs::perms::owner_all);
}

TEST_CASE("a mount point cannot be renamed, and is refused before anything is touched") {
    const Status refused = require_movable(find_places("/proc"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::data_directory_invalid);
    CHECK(refused.error().message == "data directory '/proc' is a mount point and cannot be renamed");
    CHECK(refused.error().hint ==
          "Let postgresql.data_dir be a subdirectory of the mount, in a directory of Patroni's user.");
    CHECK_FALSE(set_aside(find_places("/proc")).has_value());
}

TEST_CASE("dot-files and lost+found leave a directory empty, as for Patroni") {
    const support::Scratch scratch;
    put(scratch.path() / ".hidden", "");
    stdfs::create_directory(scratch.path() / "lost+found");
    CHECK(list_entries(scratch.path())->empty());
    put(scratch.path() / "PG_VERSION", "15\n");
    CHECK(*list_entries(scratch.path()) == std::vector<std::string>{"PG_VERSION"});
    CHECK(list_entries(scratch.path() / "none")->empty());
}

TEST_CASE("sets a data directory aside and puts a staged one in its place") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    make_data(places.data, "old");
    make_data(places.previous, "older");
    REQUIRE(set_aside(places).has_value());
    CHECK(list_entries(places.data)->empty());
    CHECK(get(places.previous / "global/pg_control") == "old");
    make_data(places.staged, "new");
    REQUIRE(put_in_place(places).has_value());
    CHECK(get(places.data / "global/pg_control") == "new");
    CHECK(get(places.previous / "base/1/1") == "old");
    CHECK_FALSE(stdfs::exists(places.staged));
}

TEST_CASE("with no data directory there is nothing to set aside, and what was set aside stays") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    stdfs::create_directories(places.data);
    make_data(places.previous, "old");
    REQUIRE(set_aside(places).has_value());
    CHECK(get(places.previous / "global/pg_control") == "old");
}

TEST_CASE("a clone is not put over a data directory that is there") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    make_data(places.data, "old");
    make_data(places.staged, "new");
    const Status put_over = put_in_place(places);
    REQUIRE_FALSE(put_over.has_value());
    CHECK(put_over.error().code == Errc::data_directory_occupied);
    CHECK(put_over.error().message == "data directory '" + places.data.string() + "' is not empty (4 entries)");
    CHECK(get(places.data / "global/pg_control") == "old");
}

TEST_CASE("tablespaces and a pg_wal elsewhere move with their data directory, links re-pointed") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    const Path fast = scratch.path() / "fast";
    make_data(places.data, "old");
    put(fast / "PG_15/1", "old");
    put(scratch.path() / "wal/1", "old");
    REQUIRE(fs::replace_link(places.data / "pg_tblspc/16400", fast).has_value());
    REQUIRE(fs::replace_link(places.data / "pg_wal", scratch.path() / "wal").has_value());
    REQUIRE(set_aside(places).has_value());
    CHECK(get(places.previous / "pg_tblspc/16400/PG_15/1") == "old");
    CHECK(get(places.previous / "pg_wal/1") == "old");
    CHECK_FALSE(stdfs::exists(fast));

    make_data(places.staged, "new");
    put(fast.string() + ".staged/PG_15/1", "new");
    REQUIRE(fs::replace_link(places.staged / "pg_tblspc/16400", fast.string() + ".staged").has_value());
    REQUIRE(put_in_place(places).has_value());
    CHECK(stdfs::read_symlink(places.data / "pg_tblspc/16400") == fast);
    CHECK(get(places.data / "pg_tblspc/16400/PG_15/1") == "new");
    CHECK(get(places.previous / "pg_tblspc/16400/PG_15/1") == "old");
}

TEST_CASE("a second set-aside replaces the first one's tablespaces") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    const Path fast = scratch.path() / "fast";
    for (const std::string mark : {"one", "two"}) {
        make_data(places.data, mark);
        put(fast / "file", mark);
        REQUIRE(fs::replace_link(places.data / "pg_tblspc/16400", fast).has_value());
        REQUIRE(set_aside(places).has_value());
    }
    CHECK(get(places.previous / "pg_tblspc/16400/file") == "two");
}

TEST_CASE("an unfinished directory goes with its tablespaces, so that the next restore finds their places free") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    const Path fast = scratch.path() / "fast";
    for (int attempt = 0; attempt < 2; ++attempt) {
        make_data(places.staged, "new");
        put(fast.string() + ".staged/PG_15/1", "new");
        REQUIRE(fs::replace_link(places.staged / "pg_tblspc/16400", fast.string() + ".staged").has_value());
        REQUIRE(put_in_place(places).has_value());
        REQUIRE(remove_data_directory(places.data, LinkTargets::all).has_value());
        CHECK_FALSE(stdfs::exists(fast));
    }
}

TEST_CASE("a removal that was cut short leaves what is no way back and can be told from what is kept") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    make_data(places.data, "old");
    REQUIRE(set_aside_for(places, "g2").has_value());
    CHECK_FALSE(is_half_removed(places.previous).value_or(true));
    // A tablespace with a name that no file can have: the removal ends behind its first step.
    const Path link = places.previous / "pg_tblspc/1";
    REQUIRE(fs::replace_link(link, scratch.path() / (std::string(300, 'x') + ".previous")).has_value());
    REQUIRE_FALSE(remove_data_directory(places.previous, LinkTargets::with_suffix).has_value());
    CHECK(is_half_removed(places.previous).value_or(false));
    CHECK(replaced_by(places.previous).value() == std::nullopt);
    REQUIRE_FALSE(remove_data_directory(places.previous, LinkTargets::with_suffix).has_value());
    CHECK(is_half_removed(places.previous).value_or(false));

    REQUIRE(fs::remove_file(link).has_value());
    REQUIRE(remove_data_directory(places.previous, LinkTargets::with_suffix).has_value());
    CHECK_FALSE(stdfs::exists(places.previous));

    make_data(places.previous, "copied here by hand");
    stdfs::remove(places.previous / "global/pg_control");
    CHECK_FALSE(is_half_removed(places.previous).value_or(true));
}

TEST_CASE("removing a data directory leaves a link's target alone that is not its own") {
    const support::Scratch scratch;
    const Path data = scratch.path() / "data.staged";
    make_data(data, "new");
    put(scratch.path() / "precious/file", "x");
    put(scratch.path() / "own.staged/file", "x");
    REQUIRE(fs::replace_link(data / "pg_tblspc/1", scratch.path() / "precious").has_value());
    REQUIRE(fs::replace_link(data / "pg_tblspc/2", scratch.path() / "own.staged").has_value());
    REQUIRE(remove_data_directory(data, LinkTargets::with_suffix).has_value());
    CHECK(get(scratch.path() / "precious/file") == "x");
    CHECK_FALSE(stdfs::exists(scratch.path() / "own.staged"));
    CHECK_FALSE(stdfs::exists(data));
}

// The old data with a tablespace, and the clone that is to replace it.
Places make_both(const Path& root) {
    const Places places = find_places(root / "data");
    make_data(places.data, "old");
    put(root / "fast/1", "old");
    stdfs::create_symlink(root / "fast", places.data / "pg_tblspc/16384");
    make_data(places.staged, "new");
    put(root / "fast.staged/1", "new");
    stdfs::create_symlink(root / "fast.staged", places.staged / "pg_tblspc/16384");
    return places;
}

TEST_CASE("a rebuild that is undone leaves everything as it was, links and their targets too") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    CHECK(replaced_by(places.previous).value() == "g2");
    REQUIRE(put_in_place(places).has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "new");
    REQUIRE(take_back(places).has_value());
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "base/1/1") == "old");
    CHECK(get(scratch.path() / "fast/1") == "old");
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
    CHECK(get(places.staged / "pg_tblspc/16384/1") == "new");
    CHECK(replaced_by(places.data).value() == std::nullopt);
    CHECK_FALSE(stdfs::exists(places.previous));
}

TEST_CASE("each step of undoing may be repeated") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    REQUIRE(set_aside_for(places, "g2").has_value());
    REQUIRE(take_back(places).has_value());  // nothing was put in place
    REQUIRE(bring_back(places, "g2").has_value());
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "base/1/1") == "old");
}

TEST_CASE("a directory that was marked, and its links moved, but not renamed, is brought back") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    put(places.data / "polygon-replaced-by", "g2");
    stdfs::rename(scratch.path() / "fast", scratch.path() / "fast.previous");
    REQUIRE(fs::replace_link(places.data / "pg_tblspc/16384", scratch.path() / "fast.previous").has_value());
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
    CHECK(get(scratch.path() / "fast/1") == "old");
    CHECK(replaced_by(places.data).value() == std::nullopt);
}

TEST_CASE("the way back is not overwritten by what came into its place") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    make_data(places.data, "stray");
    const Status refused = set_aside_for(places, "g2");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(get(places.previous / "base/1/1") == "old");
    CHECK_FALSE(bring_back(places, "g2").has_value());  // the stray data is nobody's to remove
    CHECK(get(places.data / "base/1/1") == "stray");
}

TEST_CASE("what a clone has left at a tablespace's place does not keep the old one from coming back") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    put(scratch.path() / "wal/1", "old");
    stdfs::create_symlink(scratch.path() / "wal", places.data / "pg_wal");
    REQUIRE(set_aside_for(places, "g2").has_value());
    put(scratch.path() / "fast/2", "left");
    put(scratch.path() / "wal/2", "left");
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
    CHECK(get(places.data / "pg_wal/1") == "old");
    CHECK_FALSE(stdfs::exists(scratch.path() / "fast/2"));
    CHECK_FALSE(stdfs::exists(scratch.path() / "wal/2"));
    CHECK(get(places.staged / "pg_tblspc/16384/1") == "new");
}

TEST_CASE("a way back from half a put_in_place gives each its own tablespace, and removing the clone keeps the old") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    stdfs::rename(scratch.path() / "fast.staged", scratch.path() / "fast");
    SECTION("the link was re-pointed") {
        REQUIRE(fs::replace_link(places.staged / "pg_tblspc/16384", scratch.path() / "fast").has_value());
        REQUIRE(bring_back(places, "g2").has_value());
        CHECK(get(places.staged / "pg_tblspc/16384/1") == "new");
    }
    SECTION("the link was not re-pointed") {
        REQUIRE(bring_back(places, "g2").has_value());
    }
    REQUIRE(remove_data_directory(places.staged, LinkTargets::with_suffix).has_value());
    CHECK(get(scratch.path() / "fast/1") == "old");
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
    CHECK_FALSE(stdfs::exists(scratch.path() / "fast.staged"));
}

TEST_CASE("a tablespace that was moved aside before its link was re-pointed comes back") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    put(places.data / "polygon-replaced-by", "g2");
    stdfs::rename(scratch.path() / "fast", scratch.path() / "fast.previous");
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
}

TEST_CASE("a tablespace that was not moved aside yet is kept, whatever an older one of its name holds") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    put(places.data / "polygon-replaced-by", "g2");
    put(scratch.path() / "fast.previous/1", "older");
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
}

TEST_CASE("a clone that was given up is removed with what it left at the places of tablespaces") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    CHECK(find_leftovers(places)->empty());
    put(scratch.path() / "fast/PG_15/1", "left");
    CHECK(*find_leftovers(places) == std::vector<Path>{scratch.path() / "fast"});
    put(places.data / "PG_VERSION", "15\n");
    CHECK(find_leftovers(places)->empty());  // it may be that one's
    REQUIRE(remove_with_leftovers(places).has_value());
    CHECK_FALSE(stdfs::exists(scratch.path() / "fast"));
    CHECK(get(scratch.path() / "fast.previous/1") == "old");
    CHECK(get(scratch.path() / "fast.staged/1") == "new");
}

TEST_CASE("what half a put_in_place has moved to a tablespace's place is no leftover") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    stdfs::rename(scratch.path() / "fast.staged", scratch.path() / "fast");
    CHECK(find_leftovers(places)->empty());
    REQUIRE(fs::replace_link(places.staged / "pg_tblspc/16384", scratch.path() / "fast").has_value());
    CHECK(find_leftovers(places)->empty());
}

TEST_CASE("a directory whose removal has begun is no way back") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g2").has_value());
    stdfs::remove(places.previous / "global/pg_control");
    CHECK(replaced_by(places.previous).value() == std::nullopt);
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK_FALSE(stdfs::exists(places.data));
}

TEST_CASE("a relative link of a tablespace is followed from where it stands") {
    const support::Scratch scratch;
    const Places places = find_places(scratch.path() / "data");
    make_data(places.data, "old");
    put(scratch.path() / "fast/1", "old");
    stdfs::create_symlink("../../fast", places.data / "pg_tblspc/16384");
    REQUIRE(set_aside_for(places, "g2").has_value());
    CHECK(get(scratch.path() / "fast.previous/1") == "old");
    CHECK(get(places.previous / "pg_tblspc/16384/1") == "old");
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.data / "pg_tblspc/16384/1") == "old");
}

TEST_CASE("what was set aside for another generation stays where it is") {
    const support::Scratch scratch;
    const Places places = make_both(scratch.path());
    REQUIRE(set_aside_for(places, "g1").has_value());
    REQUIRE(bring_back(places, "g2").has_value());
    CHECK(get(places.previous / "base/1/1") == "old");
    CHECK_FALSE(stdfs::exists(places.data));
}

TEST_CASE("a data directory says its version, and a postmaster counts only where it works") {
    const support::Scratch scratch;
    put(scratch.path() / "PG_VERSION", "17\n");
    CHECK(read_major_version(scratch.path()).value_or(0) == 17);
    put(scratch.path() / "PG_VERSION", "none\n");
    CHECK(read_major_version(scratch.path()).error().code == Errc::data_directory_invalid);
    CHECK(read_postmaster(scratch.path()).value() == std::nullopt);
    put(scratch.path() / "postmaster.pid", std::to_string(::getpid()) + "\n");
    CHECK(read_postmaster(scratch.path()).value() == std::nullopt);
}

}  // namespace
}  // namespace polygon::postgres
