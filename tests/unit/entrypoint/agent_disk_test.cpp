#include <fstream>

#include "bootstrap/entrypoint/agent/disk.h"
#include "bootstrap/entrypoint/agent/disk_work.h"
#include "bootstrap/entrypoint/agent/orders.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/seal.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

void make_data(const std::filesystem::path& directory, const std::string& generation, postgres::Stage stage) {
    std::filesystem::create_directory(directory);
    std::ofstream(directory / "PG_VERSION") << "15\n";
    std::filesystem::create_directory(directory / "global");
    std::ofstream(directory / "global/pg_control") << "no control file";
    REQUIRE(postgres::write_marker(directory, {.generation = generation, .stage = stage, .backup_label = "monday"})
                .has_value());
}

TEST_CASE("the disk is seen as it is: the data directory, the staged clone and the way back") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    CHECK_FALSE(look_at_disk(places)->has_staged);
    make_data(places.data, "g1", postgres::Stage::proven);
    CHECK(look_at_disk(places)->data.generation == "g1");
    CHECK(look_at_disk(places)->backup_label == "monday");
    CHECK(look_at_disk(places)->was_primary);  // it may have been: the control file makes no sense
    CHECK(look_at_disk(places)->is_control_unreadable);
    std::filesystem::rename(places.data / "global/pg_control", scratch.path() / "pg_control");
    CHECK_FALSE(look_at_disk(places)->was_primary);
    CHECK_FALSE(look_at_disk(places)->is_control_unreadable);
    std::filesystem::rename(scratch.path() / "pg_control", places.data / "global/pg_control");
    REQUIRE(postgres::set_aside_for(places, "g2").has_value());
    CHECK(look_at_disk(places)->previous_for == "g2");
    CHECK(look_at_disk(places)->data.state == DataState::empty);
    make_data(places.staged, "g2", postgres::Stage::restored);
    CHECK(look_at_disk(places)->has_staged);
    CHECK(look_at_disk(places)->staged_generation == "g2");
    CHECK_FALSE(look_at_disk(places)->is_staged_sealed);
    REQUIRE(postgres::seal(places.staged).has_value());
    CHECK(look_at_disk(places)->is_staged_sealed);
    std::ofstream(places.previous / "polygon-replaced-by") << "g3";
    CHECK(look_at_disk(places)->previous_for == "g3");
    CHECK_FALSE(look_at_disk(places)->has_remains);
    std::filesystem::rename(places.previous / "global/pg_control", places.previous / "polygon-removing");
    CHECK(look_at_disk(places)->previous_for.empty());
    CHECK(look_at_disk(places)->has_remains);
    make_data(places.data, "g1", postgres::Stage::proven);
    std::ofstream(places.data / "polygon-replaced-by") << "g4";
    CHECK(look_at_disk(places)->half_set_aside_for == "g4");
}

TEST_CASE("tablespaces that a clone has left are seen beside the way back") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    make_data(places.data, "g1", postgres::Stage::proven);
    std::filesystem::create_directories(places.data / "pg_tblspc");
    std::filesystem::create_directories(scratch.path() / "fast/PG_15");
    std::filesystem::create_symlink(scratch.path() / "fast", places.data / "pg_tblspc/16384");
    REQUIRE(postgres::set_aside_for(places, "g2").has_value());
    CHECK_FALSE(look_at_disk(places)->has_leftovers);
    std::filesystem::create_directories(scratch.path() / "fast/PG_15");
    CHECK(look_at_disk(places)->has_leftovers);
}

TEST_CASE("a sealed copy is put in place as proven, a touched one is not") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    make_data(places.staged, "g2", postgres::Stage::restored);
    REQUIRE(postgres::seal(places.staged).has_value());
    std::ofstream(places.staged / "touched") << "x";
    const Status refused = put_copy_in_place(places);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::conflict);
    CHECK_FALSE(std::filesystem::exists(places.data));
    std::filesystem::remove(places.staged / "touched");
    REQUIRE(put_copy_in_place(places).has_value());
    CHECK(postgres::read_marker(places.data)->value().stage == postgres::Stage::proven);
    CHECK_FALSE(std::filesystem::exists(places.staged));
}

TEST_CASE("the room is that of the file system of the staged clone") {
    const support::Scratch scratch;
    const Room room = read_room(postgres::find_places(scratch.path() / "data"));
    CHECK(room.free_bytes > 0);
    CHECK(room.used_bytes > 0);
    CHECK(c_library().starts_with("glibc 2."));
}

TEST_CASE("work on the disk goes on beside, and its outcome is taken once") {
    DiskWork work;
    CHECK_FALSE(work.is_busy());
    CHECK_FALSE(work.take().has_value());
    work.start([] { return Status(Error{Errc::io, "broken", ""}); });
    CHECK(work.is_busy());
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 20s), 1ms, [&] { return work.has_ended(); }));
    CHECK(work.is_busy());
    const auto outcome = work.take();
    REQUIRE(outcome.has_value());
    CHECK(outcome->error().message == "broken");
    CHECK_FALSE(work.is_busy());
    CHECK_FALSE(work.take().has_value());
}

TEST_CASE("orders are what the keys say, and a key that makes no sense is an error") {
    const etcd::RebuildKeys keys("/service/main/");
    etcd::Snapshot snapshot{
        .entries = {{.key = keys.phase(), .value = to_json(etcd::PhaseRecord{.generation = "g2"}), .mod_revision = 7},
                    {.key = keys.plan(), .value = to_json(etcd::Plan{.generation = "g2"})},
                    {.key = keys.preflight(), .value = R"({"id":"p1"})"}}};
    const auto orders = parse_orders(snapshot, keys);
    REQUIRE(orders.has_value());
    CHECK(orders->plan->generation == "g2");
    CHECK(orders->phase->generation == "g2");
    CHECK(orders->phase_revision == 7);
    CHECK(orders->preflight_id == "p1");
    CHECK(parse_orders({}, keys)->preflight_id.empty());
    for (etcd::KeyValue& entry : snapshot.entries) {
        const std::string before = std::exchange(entry.value, "nonsense");
        const auto refused = parse_orders(snapshot, keys);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Errc::conflict);
        entry.value = before;
    }
}

}  // namespace
}  // namespace polygon::entrypoint
