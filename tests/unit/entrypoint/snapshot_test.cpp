#include "bootstrap/entrypoint/guard/snapshot.h"

#include <fstream>

#include <unistd.h>

#include "common/postgres/generation_marker.h"
#include "common/process/child.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::entrypoint {
namespace {

TEST_CASE("an absent or empty data directory is empty, anything else is complete until polygon.json says otherwise") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    CHECK(look_at_data(places)->state == DataState::empty);
    std::filesystem::create_directory(places.data);
    CHECK(look_at_data(places)->state == DataState::empty);
    std::ofstream(places.data / "something") << "x";
    CHECK(look_at_data(places)->state == DataState::complete);
    CHECK(look_at_data(places)->system_identifier == 0);
    postgres::GenerationMarker marker{.generation = "g2", .stage = postgres::Stage::restored};
    REQUIRE(postgres::write_marker(places.data, marker).has_value());
    CHECK(look_at_data(places)->state == DataState::half);
    CHECK(look_at_data(places)->generation == "g2");
    // Proven, but no control file: an interrupted clone.
    marker.stage = postgres::Stage::proven;
    REQUIRE(postgres::write_marker(places.data, marker).has_value());
    CHECK(look_at_data(places)->state == DataState::half);
}

TEST_CASE("a server that runs on the data directory is seen by its postmaster.pid") {
    const support::Scratch scratch;
    const postgres::Places places = postgres::find_places(scratch.path() / "data");
    std::filesystem::create_directory(places.data);
    // As a postmaster it works in its data directory; another process of that number does not.
    auto server = process::Child::start({.argv = {"sleep", "600"}, .directory = places.data});
    REQUIRE(server.has_value());
    std::ofstream(places.data / "postmaster.pid") << server->pid() << "\n";
    CHECK(look_at_data(places)->has_running_server);
    std::ofstream(places.data / "postmaster.pid") << getpid() << "\n";
    CHECK_FALSE(look_at_data(places)->has_running_server);
    std::ofstream(places.data / "postmaster.pid") << "999999999\n";
    CHECK_FALSE(look_at_data(places)->has_running_server);
}

}  // namespace
}  // namespace polygon::entrypoint
