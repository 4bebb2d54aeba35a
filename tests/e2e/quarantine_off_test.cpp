#include <chrono>

#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

// Of every node, for the tests that follow too.
void set_quarantine(const std::string& mode) {
    for (support::PatroniNode& node : stand().polygon().nodes())
        node.set_variable("POLYGON_QUARANTINE_MODE", mode);
}

TEST_CASE("without a quarantine the clone is disarmed on Patroni's own server, and a restart makes it whole") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    support::Cluster& polygon = both.polygon();
    // Patroni writes to database postgres before anything of ours is called: this danger it cannot overcome.
    support::Database production = require(both.production().connect_to_leader("thai"));
    require(production.run("ALTER DATABASE postgres RESET default_transaction_read_only"));
    require(both.take_backup());
    require(production.run("ALTER DATABASE postgres SET default_transaction_read_only = on"));
    // As many prepared transactions as the backup may hold: Patroni recovers it itself.
    require(polygon.set_parameter("max_prepared_transactions", "10"));
    set_quarantine("off");
    require(both.rebuild({.system_identifier = support::SystemIdentifier::kept}));
    set_quarantine("on");
    const std::string log = require(polygon.node("polygon1").read_log());
    REQUIRE_THAT(log, ContainsText("no quarantine: Patroni starts the clone before it is sanitised"));
    support::Database database = require(polygon.connect_to_leader());
    REQUIRE(require(database.value("SHOW max_logical_replication_workers")) == "0");
    require_all_proofs();

    require(polygon.restart());
    database = require(polygon.connect_to_leader());
    REQUIRE(require(database.value("SHOW max_logical_replication_workers")) == "4");
    require_all_proofs();
}

}  // namespace
}  // namespace polygon::e2e
