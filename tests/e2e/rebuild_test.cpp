#include <filesystem>

#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

using support::SystemIdentifier;

std::string system_identifier() {
    support::Database database = require(stand().polygon().connect_to_leader());
    return require(support::read_system_identifier(database));
}

TEST_CASE("a rebuild makes the polygon production's copy under its own passwords") {
    const StandGuard guard;
    require(stand().rebuild({}));
    require_all_proofs();
    for (const support::PatroniNode& node : stand().polygon().nodes()) {
        INFO(node.name());
        // The polygon before it is set aside, not wiped.
        REQUIRE(std::filesystem::exists(node.directory() / "data.previous/global/pg_control"));
        REQUIRE(std::filesystem::exists(node.data_directory() / "polygon.json"));
        REQUIRE_FALSE(std::filesystem::exists(node.directory() / "data.staged"));
    }
}

TEST_CASE("a second rebuild straight after the first makes another generation") {
    const StandGuard guard;
    const std::string before = system_identifier();
    require(stand().rebuild({.leader = "polygon2"}));
    REQUIRE(system_identifier() != before);
    require_all_proofs();
}

TEST_CASE("a rebuild that keeps the system identifier leaves production alone") {
    const StandGuard guard;
    require(stand().rebuild({.system_identifier = SystemIdentifier::kept}));
    REQUIRE(system_identifier() == stand().production_state().system_identifier);
    require_all_proofs();
}

TEST_CASE("a rebuilt polygon survives the loss of its leader") {
    const StandGuard guard;
    support::Cluster& polygon = rebuilt_stand().polygon();
    support::PatroniNode& lost = *require(polygon.leader());
    lost.kill_everything();
    require(support::wait_for("another leader", std::chrono::seconds(180), [&]() -> Status {
        TRY(polygon.leader());
        return {};
    }));
    REQUIRE(require(polygon.leader())->name() != lost.name());
    require(lost.start(polygon.config(), support::Launch::entrypoint));
    require(polygon.wait_until_healthy());
    require(support::prove_contents(stand()));
    require(support::prove_replication(stand()));
}

}  // namespace
}  // namespace polygon::e2e
