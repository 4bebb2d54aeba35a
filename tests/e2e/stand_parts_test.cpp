// That the stand itself does what the tests of staged rebuilds go by.
#include <chrono>
#include <csignal>

#include "tests/e2e/stand_fixture.h"
#include "tests/support/outage_watch.h"
#include "tests/support/rebuild_view.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

Status check_another(std::optional<pid_t> seen, std::optional<pid_t> before) {
    return seen && seen != before ? Status() : Status(Error{Errc::not_proven, "not another one yet"});
}

TEST_CASE("a service whose entrypoint is killed is started again, and a stop ends it for good") {
    const StandGuard guard;
    support::Cluster& polygon = stand().polygon();
    support::PatroniNode& node = *polygon.replicas().front();
    const auto agent = node.agent();
    const auto patroni = node.patroni();
    REQUIRE(agent);
    REQUIRE(patroni);
    REQUIRE(node.postmaster());
    kill(*agent, SIGKILL);
    require(support::wait_for("next agent", 60s, [&] { return check_another(node.agent(), agent); }));
    require(support::wait_for("next Patroni", 60s, [&] { return check_another(node.patroni(), patroni); }));
    require(polygon.wait_until_healthy());

    node.ask_to_stop();
    require(node.wait_for_stop());
    REQUIRE_FALSE(node.agent());
    REQUIRE_FALSE(node.patroni());
    REQUIRE_FALSE(node.postmaster());
    require(node.start(polygon.config(), support::Launch::service));
    require(polygon.wait_until_healthy());
}

TEST_CASE("the tester notices a change of the leader, and when all nodes are there again") {
    const StandGuard guard;
    support::Cluster& polygon = stand().polygon();
    const support::OutageWatch watch(polygon, "thai");
    require(watch.wait_for_writes(10));
    REQUIRE(watch.writes().back().streaming == 2);
    const Clock::Instant begin = system_clock().now();
    require(polygon.switch_over_to(polygon.replicas().front()->name()));
    require(watch.wait_for_writes(10));
    require(support::wait_for("tester's other rows", 60s, [&]() -> Status {
        const support::Outage outage = TRY(watch.longest());
        return watch.until_redundant(outage) ? Status() : Status(Error{Errc::not_proven, "not both stream"});
    }));
    const support::Outage outage = require(watch.longest());
    REQUIRE(outage.first_after > begin);
    REQUIRE(outage.length() > 100ms);
    REQUIRE(watch.until_redundant(outage) >= outage.length());
}

}  // namespace
}  // namespace polygon::e2e
