#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

TEST_CASE("a reset is refused while the polygon runs, and changes nothing") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    const auto initialize = require(both.polygon().etcd().get("/service/polygon/initialize"));
    const process::Finished done = require(both.polygon_rebuild({"reset", "--leader", "polygon1"}));
    INFO(done.out + done.err);
    REQUIRE(done.exit_status == exit_status(Errc::cluster_alive));
    REQUIRE(require(both.polygon().etcd().get("/service/polygon/initialize")) == initialize);
    require(both.polygon().check_health());
}

TEST_CASE("a dry run of reset deletes nothing") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    require(both.stop_polygon());
    const auto initialize = require(both.polygon().etcd().get("/service/polygon/initialize"));
    REQUIRE(initialize.has_value());
    const process::Finished done = require(both.polygon_rebuild({"reset", "--leader", "polygon1", "--dry-run"}));
    INFO(done.out + done.err);
    REQUIRE(done.exit_status == 0);
    REQUIRE_THAT(done.out, ContainsText("initialize"));
    REQUIRE(require(both.polygon().etcd().get("/service/polygon/initialize")) == initialize);
    // As before: the same generation goes on.
    require(both.start_polygon(both.asked_identifier()));
    require(both.wait_for_polygon());
    require(support::prove_contents(both));
}

}  // namespace
}  // namespace polygon::e2e
