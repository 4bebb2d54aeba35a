#include <chrono>

#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

// The last generation of the node's own data, asked of its PostgreSQL.
Result<std::string> read_generation(const support::PatroniNode& node) {
    support::Database database = TRY(node.connect(stand().polygon().credentials().superuser));
    return database.value("SELECT generation FROM polygon.refresh ORDER BY proven_at DESC LIMIT 1");
}

Status check_generation(const support::PatroniNode& node, const std::string& wanted) {
    const std::string seen = TRY(read_generation(node));
    if (seen == wanted) return {};
    return Error{Errc::not_proven, node.name() + " carries generation " + seen};
}

TEST_CASE("under keep a replica of the last generation, started without a guard, is made to reinitialise") {
    const StandGuard guard;
    support::Stand& both = stand();
    support::Cluster& polygon = both.polygon();
    require(both.rebuild({.system_identifier = support::SystemIdentifier::kept}));
    const std::string before = require(read_generation(polygon.node("polygon3")));

    // Same identifier, same timeline: Patroni's own guard sees no difference.
    require(both.stop_polygon());
    require(both.reset("polygon1"));
    const std::filesystem::path config = both.polygon_config();
    for (const char* name : {"polygon1", "polygon2"})
        require(polygon.node(name).start(config, support::Launch::entrypoint));
    require(support::wait_for("leader of the new generation", 180s, [&]() -> Status {
        const auto found = polygon.leader();
        return found ? Status() : Status(found.error());
    }));
    support::PatroniNode& stale = polygon.node("polygon3");
    require(stale.start(config, support::Launch::patroni));

    const std::string generation = require(read_generation(polygon.node("polygon1")));
    REQUIRE(generation != before);
    require(support::wait_for("fresh polygon3", 180s, [&] { return check_generation(stale, generation); }));
    require(both.wait_for_polygon());
    REQUIRE_THAT(require(polygon.node("polygon1").read_log()), ContainsText("asked a member to reinitialise"));
    require_all_proofs();
}

}  // namespace
}  // namespace polygon::e2e
