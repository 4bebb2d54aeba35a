// What the guard does with each state of a data directory beside each state of what is set aside.
#include <fstream>

#include "bootstrap/entrypoint/guard/snapshot.h"
#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "tests/support/catch.h"
#include "tests/support/control_file.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

namespace stdfs = std::filesystem;
using postgres::Path;
using postgres::Places;

void put(const Path& path, const std::string& text) {
    stdfs::create_directories(path.parent_path());
    std::ofstream(path) << text;
}

enum class Content { absent, foreign, fragment, partial, tablespaces_only, unflushed, unfinished, copy, whole };

// With a tablespace and a pg_wal elsewhere, at `places` with this suffix; each file says `mark`.
void make(const Path& root, const Path& directory, const std::string& suffix, Content content,
          const std::string& mark) {
    if (content == Content::absent) return;
    if (content == Content::foreign) return put(directory / "notes.txt", mark);
    put(root / ("fast" + suffix) / "file", mark);
    put(root / ("wal" + suffix) / "file", mark);
    stdfs::create_directories(directory / "pg_tblspc");
    stdfs::create_symlink(root / ("wal" + suffix), directory / "pg_wal");
    if (content == Content::tablespaces_only) {
        stdfs::remove(directory / "pg_tblspc");
        return;
    }
    stdfs::create_symlink(root / ("fast" + suffix), directory / "pg_tblspc/16384");
    put(directory / "PG_VERSION", "15\n");
    put(directory / "base/1/1", mark);
    if (content != Content::fragment && content != Content::partial)
        put(directory / "global/pg_control", support::make_control_file(100));
    if (content == Content::partial || content == Content::copy || content == Content::unflushed)
        put(directory / "backup_label", "START WAL LOCATION");
    if (content == Content::unflushed) put(directory / "backup_manifest.tmp", "{}");
    if (content == Content::unfinished)
        REQUIRE(
            postgres::write_marker(directory, {.generation = "g1", .stage = postgres::Stage::restoring}).has_value());
}

// Another member leads the generation g2, live.
ClusterSeen led_by_another() {
    return {.initialize = "200",
            .leader = "polygon1",
            .is_leader_live = true,
            .proven = etcd::Generation{.generation = "g2", .leader = "polygon1", .system_identifier = "200"}};
}

// Does what the guard decides, as the agent does it, until it starts or waits.
Decision settle(const Places& places) {
    for (int round = 0; round < 3; ++round) {
        const auto seen = look_at_data(places);
        REQUIRE(seen.has_value());
        Decision decision = decide("polygon2", *seen, led_by_another());
        if (decision.action == Action::remove_half) {
            REQUIRE(postgres::remove_with_leftovers(places).has_value());
        } else if (decision.action == Action::set_aside) {
            REQUIRE(postgres::set_aside(places).has_value());
        } else {
            return decision;
        }
    }
    FAIL("the guard does not come to an end");
    return {};
}

std::string read(const Path& path) {
    return fs::read_file(path).value_or("(none)");
}

TEST_CASE("what is set aside is never replaced by something less complete") {
    const support::Scratch scratch;
    const Path& root = scratch.path();
    const Places places = postgres::find_places(root / "data");
    const auto data = GENERATE(Content::foreign, Content::fragment, Content::partial, Content::tablespaces_only,
                               Content::unflushed, Content::unfinished, Content::copy, Content::whole);
    const auto previous = GENERATE(Content::absent, Content::fragment, Content::copy, Content::whole);
    const bool is_kept = previous == Content::whole && GENERATE(false, true);
    INFO("data " << static_cast<int>(data) << ", previous " << static_cast<int>(previous) << ", kept " << is_kept);
    make(root, places.previous, ".previous", previous, "older");
    if (is_kept) put(places.previous / "polygon-replaced-by", "g1");
    make(root, places.data, "", data, "newer");

    const Decision decision = settle(places);

    const bool is_more = previous == Content::whole || previous == Content::copy;
    if (is_more && data != Content::whole && !(data == Content::copy && previous == Content::copy)) {
        CHECK(read(places.previous / "base/1/1") == "older");
        CHECK(read(places.previous / "pg_tblspc/16384/file") == "older");
        CHECK(read(places.previous / "pg_wal/file") == "older");
        CHECK(stdfs::exists(places.previous / "global/pg_control"));
        CHECK(stdfs::exists(places.previous / "polygon-replaced-by") == is_kept);
    }
    // What may be somebody's only data is never removed: it is set aside, or a person has to look.
    if (data == Content::whole) CHECK(read(places.previous / "base/1/1") == "newer");
    const bool is_of_nobody = data == Content::foreign || data == Content::fragment || data == Content::copy;
    const std::string file = data == Content::foreign ? "notes.txt" : "base/1/1";
    if (is_of_nobody) CHECK((read(places.data / file) == "newer" || read(places.previous / file) == "newer"));
    // A clone that power ended needs nobody.
    if (!is_of_nobody) {
        CHECK(decision.action == Action::start);
        CHECK(postgres::list_entries(places.data)->empty());
        if (is_more) CHECK_FALSE(stdfs::exists(root / "fast"));  // the next clone finds the tablespace's place free
    } else if (decision.action == Action::wait) {
        CHECK(is_more);
        CHECK_THAT(decision.reason, ContainsText("less complete than what is set aside"));
    }
}

TEST_CASE("less complete data is not set aside by a rebuild either, nor marked for it") {
    const support::Scratch scratch;
    const Places places = postgres::find_places(scratch.path() / "data");
    make(scratch.path(), places.previous, ".previous", Content::whole, "older");
    make(scratch.path(), places.data, "", Content::fragment, "newer");
    const Status refused = postgres::set_aside_for(places, "g2");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::conflict);
    CHECK(refused.error().message == "'" + places.data.string() + "' is less complete than '" +
                                         places.previous.string() + "', and does not replace it");
    CHECK_FALSE(stdfs::exists(places.data / "polygon-replaced-by"));
    CHECK(read(places.previous / "pg_tblspc/16384/file") == "older");
}

TEST_CASE("data of which a file cannot be understood waits with the reason, whoever leads") {
    const support::Scratch scratch;
    const Places places = postgres::find_places(scratch.path() / "data");
    make(scratch.path(), places.data, "", Content::unfinished, "newer");
    put(places.data / "global/pg_control", std::string(8192, '\1'));
    const Decision decision = settle(places);
    CHECK(decision.action == Action::wait);
    CHECK_THAT(decision.reason, ContainsText("cannot be read: control file") && ContainsText("has version"));
    CHECK(read(places.data / "pg_tblspc/16384/file") == "newer");
}

TEST_CASE("data whose polygon.json a newer version has written is not removed as unfinished") {
    const support::Scratch scratch;
    const Places places = postgres::find_places(scratch.path() / "data");
    const auto content = GENERATE(Content::whole, Content::fragment);
    make(scratch.path(), places.data, "", content, "newer");
    std::string marker = to_json(postgres::GenerationMarker{.generation = "g1", .stage = postgres::Stage::proven});
    marker.replace(marker.find("proven"), 6, "certified");
    put(places.data / "polygon.json", marker);
    const Decision decision = settle(places);
    const bool is_whole = content == Content::whole;
    CHECK(read((is_whole ? places.data : places.previous) / "pg_tblspc/16384/file") == "newer");
    if (is_whole) CHECK_THAT(decision.reason, ContainsText("unknown stage 'certified'"));
    CHECK(decision.action == (is_whole ? Action::wait : Action::start));
}

TEST_CASE("data on a disk that is not mounted now is not set aside without it") {
    const support::Scratch scratch;
    const Path& root = scratch.path();
    const Places places = postgres::find_places(root / "data");
    make(root, places.previous, ".previous", Content::whole, "older");
    make(root, places.data, "", Content::whole, "old");
    stdfs::rename(root / "fast", root / "unmounted");
    stdfs::rename(root / "fast.previous", root / "unmounted.previous");
    const Status moved = postgres::set_aside(places);
    REQUIRE_FALSE(moved.has_value());
    CHECK(moved.error().message == "the link '" + (places.data / "pg_tblspc/16384").string() + "' leads to '" +
                                       (root / "fast").string() + "', which is not there");
    CHECK(read(places.previous / "base/1/1") == "older");
    CHECK(read(places.data / "pg_wal/file") == "old");
    stdfs::rename(root / "unmounted", root / "fast");
    stdfs::rename(root / "unmounted.previous", root / "fast.previous");
    REQUIRE(postgres::set_aside(places).has_value());
    CHECK(read(places.previous / "pg_tblspc/16384/file") == "old");
    CHECK(read(places.previous / "pg_wal/file") == "old");
}

}  // namespace
}  // namespace polygon::entrypoint
