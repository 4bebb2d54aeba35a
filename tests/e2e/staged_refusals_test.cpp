#include <chrono>
#include <filesystem>

#include "tests/e2e/staged_rebuild.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

// Nothing has changed: the same rebuild is the last one, the same polygon serves.
struct Unchanged {
    std::string generation = last_generation();
    std::string identifier = system_identifier();

    void require_still() const {
        REQUIRE(last_generation() == generation);
        REQUIRE(system_identifier() == identifier);
        require_tidy(Previous::removed);
    }
};

TEST_CASE("a second coordinator is turned away, and the first goes on") {
    const StandGuard guard;
    support::Stand& both = stand();
    const std::string before = last_generation();
    support::OperatorCommand first = require(both.start_rebuild());
    require(wait_for_phase(before, Phase::stage));
    const Ended second = run_operator({"run", "--yes"});
    INFO(second.output);
    REQUIRE(second.status == exit_status(Errc::conflict));
    const Ended ended = end_of(first);
    INFO(ended.output);
    REQUIRE(ended.status == 0);
    require(both.wait_for_polygon());
    require_all_proofs();
}

TEST_CASE("a rebuild is refused where a member has no polygon-entrypoint") {
    const StandGuard guard;
    support::Stand& both = stand();
    const Unchanged unchanged;
    support::PatroniNode& bare = *both.polygon().replicas().front();
    bare.ask_to_stop();
    require(bare.wait_for_stop());
    require(bare.start(both.polygon().config(), support::Launch::patroni));
    require(both.wait_for_polygon());
    // Its record goes with the agent's lease.
    require(support::wait_for("end of the agent's record", 60s, [&]() -> Status {
        const auto nodes = TRY(support::RebuildView(both.polygon()).nodes());
        return nodes.contains(bare.name()) ? Status(Error{Errc::not_proven, "it is there"}) : Status();
    }));
    const Ended refused = run_operator({"run", "--yes"});
    INFO(refused.output);
    REQUIRE(refused.status == exit_status(Errc::refused));
    REQUIRE_THAT(refused.output, ContainsText(bare.name()));
    unchanged.require_still();

    bare.ask_to_stop();
    require(bare.wait_for_stop());
    require(bare.start(both.polygon().config(), support::Launch::service));
    require(both.wait_for_polygon());
}

// As production is.
TEST_CASE("a rebuild of a cluster without any agent is refused before anybody is asked") {
    const StandGuard guard;
    support::Cluster& polygon = stand().polygon();
    const Unchanged unchanged;
    const auto restart_as = [&](support::Launch launch) {
        require(polygon.stop_nodes());
        polygon.use(polygon.config(), launch);
        require(polygon.start_nodes());
        require(polygon.wait_until_healthy());
    };
    restart_as(support::Launch::patroni);
    const Ended refused = run_operator({"run", "--yes"});
    INFO(refused.output);
    REQUIRE(refused.status == exit_status(Errc::refused));
    REQUIRE_THAT(refused.output, ContainsText("no node of '/service/polygon/' runs an agent"));
    unchanged.require_still();
    restart_as(support::Launch::service);
}

TEST_CASE("a rebuild is refused while a node is down") {
    const StandGuard guard;
    support::Stand& both = stand();
    const Unchanged unchanged;
    support::PatroniNode& lost = *both.polygon().replicas().front();
    lost.kill_everything();
    const Ended refused = run_operator({"run", "--yes", "--patience", "20"});
    INFO(refused.output);
    REQUIRE(refused.status == exit_status(Errc::refused));
    require(lost.start(both.polygon().config(), support::Launch::service));
    require(both.wait_for_polygon());
    unchanged.require_still();
}

void restart_with_identifier(const char* setting) {
    support::Cluster& polygon = stand().polygon();
    require(polygon.stop_nodes());
    for (support::PatroniNode& node : polygon.nodes())
        node.set_variable("POLYGON_SYSTEM_IDENTIFIER", setting);
    require(polygon.start_nodes());
    require(polygon.wait_until_healthy());
}

TEST_CASE("under keep, a replica that comes back with the last generation's data clones the new one") {
    const StandGuard guard;
    support::Stand& both = stand();
    restart_with_identifier("keep");
    require(both.run_rebuild());
    support::PatroniNode& stale = *both.polygon().replicas().front();
    stale.ask_to_stop();
    require(stale.wait_for_stop());
    const std::filesystem::path saved = stale.directory() / "saved";
    std::filesystem::copy(stale.data_directory(), saved, std::filesystem::copy_options::recursive);
    require(both.workspace().account().give(saved));
    require(stale.start(both.polygon().config(), support::Launch::service));
    require(both.wait_for_polygon());
    require(both.run_rebuild());
    REQUIRE(system_identifier() == both.production_state().system_identifier);

    // Same identifier, same timeline: only the generation tells them apart.
    stale.ask_to_stop();
    require(stale.wait_for_stop());
    std::filesystem::remove_all(stale.data_directory());
    std::filesystem::rename(saved, stale.data_directory());
    require(stale.start(both.polygon().config(), support::Launch::service));
    const std::string generation = last_generation();
    require(support::wait_for("fresh " + stale.name(), 180s, [&]() -> Status {
        support::Database database = TRY(stale.connect(both.polygon().credentials().superuser));
        const std::string seen =
            TRY(database.value("SELECT generation FROM polygon.refresh ORDER BY proven_at DESC LIMIT 1"));
        return seen == generation ? Status() : Status(Error{Errc::not_proven, "it carries " + seen});
    }));
    require(both.wait_for_polygon());
    REQUIRE(std::filesystem::exists(stale.directory() / "data.previous"));
    std::filesystem::remove_all(stale.directory() / "data.previous");
    restart_with_identifier("new");
}

}  // namespace
}  // namespace polygon::e2e
