#include "bootstrap/entrypoint/guard/guard.h"

#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

const DataSeen kEmpty{};
const DataSeen kHalf{.state = DataState::half, .generation = "g2", .system_identifier = 200};
const DataSeen kOld{.state = DataState::complete, .generation = "g1", .system_identifier = 100};
const DataSeen kNew{.state = DataState::complete, .generation = "g2", .system_identifier = 200};
const DataSeen kForeign{.state = DataState::complete, .generation = "", .system_identifier = 999};

const etcd::Plan kPlan{.generation = "g2", .leader = "polygon1"};
const etcd::Generation kProvenOld{.generation = "g1", .leader = "polygon3", .system_identifier = "100"};
const etcd::Generation kProvenNew{.generation = "g2", .leader = "polygon1", .system_identifier = "200"};

// After `polygon-rebuild reset --leader polygon1`: the keys are gone, the plan is there.
ClusterSeen after_reset() {
    return {.plan = kPlan, .proven = kProvenOld};
}

// polygon1 has bootstrapped and leads.
ClusterSeen rebuilt() {
    return {.initialize = "200", .leader = "polygon1", .is_leader_live = true, .plan = kPlan, .proven = kProvenNew};
}

Action action(const std::string& member, const DataSeen& data, const ClusterSeen& cluster) {
    return decide(member, data, cluster).action;
}

TEST_CASE("after a reset the named leader sets its old data aside, then starts") {
    CHECK(action("polygon1", kOld, after_reset()) == Action::set_aside);
    CHECK(action("polygon1", kForeign, after_reset()) == Action::set_aside);
    CHECK(action("polygon1", kEmpty, after_reset()) == Action::start);
    CHECK(action("polygon1", kHalf, after_reset()) == Action::remove_half);
    CHECK(decide("polygon1", kOld, after_reset()).reason == "this member is to lead generation g2");
}

TEST_CASE("after a reset the others wait for the named leader, even with nothing on disk") {
    for (const DataSeen& data : {kEmpty, kOld, kForeign, kHalf}) {
        const Decision decision = decide("polygon2", data, after_reset());
        CHECK(decision.action == Action::wait);
        CHECK(decision.reason == "waiting for polygon1 to lead generation g2");
    }
}

TEST_CASE("once the new generation has a live leader the others set theirs aside") {
    CHECK(action("polygon2", kOld, rebuilt()) == Action::set_aside);
    CHECK(action("polygon2", kForeign, rebuilt()) == Action::set_aside);
    CHECK(action("polygon2", kHalf, rebuilt()) == Action::remove_half);
    CHECK(action("polygon2", kEmpty, rebuilt()) == Action::start);
    CHECK(action("polygon2", kNew, rebuilt()) == Action::start);
}

TEST_CASE("another generation and no live leader: wait, never wipe") {
    ClusterSeen leaderless = rebuilt();
    leaderless.is_leader_live = false;
    CHECK(action("polygon2", kOld, leaderless) == Action::wait);
    leaderless.leader = "";
    CHECK(action("polygon2", kOld, leaderless) == Action::wait);
    CHECK(action("polygon2", kForeign, leaderless) == Action::wait);
    CHECK(action("polygon2", kNew, leaderless) == Action::start);
}

TEST_CASE("an empty node does not bootstrap in place of the member that has proven a generation") {
    ClusterSeen uninitialized{.proven = kProvenNew};
    CHECK(action("polygon2", kEmpty, uninitialized) == Action::wait);
    CHECK(action("polygon1", kEmpty, uninitialized) == Action::start);
    CHECK(action("polygon1", kNew, uninitialized) == Action::start);
    uninitialized.initialize = "200";
    CHECK(action("polygon2", kEmpty, uninitialized) == Action::start);
}

TEST_CASE("a node does not set its data aside for its own stale leader key") {
    ClusterSeen own = rebuilt();
    own.leader = "polygon2";
    CHECK(action("polygon2", kOld, own) == Action::wait);
}

TEST_CASE("under system_identifier: keep the same identifier of an older generation is still set aside") {
    ClusterSeen kept = rebuilt();
    kept.initialize = "100";
    CHECK(action("polygon2", kOld, kept) == Action::set_aside);
}

TEST_CASE("the same generation under another identifier is set aside") {
    DataSeen wrong = kNew;
    wrong.system_identifier = 300;
    CHECK(action("polygon2", wrong, rebuilt()) == Action::set_aside);
}

TEST_CASE("a running server on the data directory forbids to replace it") {
    DataSeen running = kOld;
    running.has_running_server = true;
    CHECK(action("polygon2", running, rebuilt()) == Action::wait);
    CHECK(action("polygon1", running, after_reset()) == Action::wait);
}

TEST_CASE("the planned leader with the planned generation starts, also when the stamp in etcd is missing") {
    ClusterSeen unstamped = after_reset();
    unstamped.initialize = "200";
    CHECK(action("polygon1", kNew, unstamped) == Action::start);
    CHECK(action("polygon1", kNew, rebuilt()) == Action::start);
}

TEST_CASE("a plan that somebody has overtaken changes nothing") {
    ClusterSeen overtaken = after_reset();
    overtaken.initialize = "555";
    CHECK(action("polygon1", kOld, overtaken) == Action::wait);
    CHECK(action("polygon1", kEmpty, overtaken) == Action::wait);
}

TEST_CASE("an empty key initialize is cleared by the planned leader, which alone may bootstrap") {
    ClusterSeen died = after_reset();
    died.initialize = "";
    CHECK(action("polygon1", kHalf, died) == Action::clear_initialize);
    CHECK(action("polygon2", kOld, died) == Action::wait);
    died.someone_bootstraps = true;
    CHECK(action("polygon1", kHalf, died) == Action::wait);
}

TEST_CASE("without a plan an empty key initialize is cleared only when it has been so for long") {
    ClusterSeen fresh{.initialize = "", .initialize_unchanged = 10s, .initialize_patience = 25s};
    CHECK(action("polygon2", kEmpty, fresh) == Action::wait);
    fresh.initialize_unchanged = 25s;
    CHECK(action("polygon2", kEmpty, fresh) == Action::clear_initialize);
    fresh.someone_bootstraps = true;
    CHECK(action("polygon2", kEmpty, fresh) == Action::wait);
}

TEST_CASE("in a cluster that was never rebuilt it is as with Patroni alone, but for its exit") {
    const ClusterSeen fresh{};
    CHECK(action("polygon1", kEmpty, fresh) == Action::start);
    CHECK(action("polygon1", kForeign, fresh) == Action::start);
    ClusterSeen running{.initialize = "999", .leader = "polygon1", .is_leader_live = true};
    CHECK(action("polygon2", kForeign, running) == Action::start);
    CHECK(action("polygon2", kEmpty, running) == Action::start);
    DataSeen other = kForeign;
    other.system_identifier = 1000;
    CHECK(action("polygon2", other, running) == Action::set_aside);
    running.is_leader_live = false;
    CHECK(action("polygon2", other, running) == Action::wait);
}

TEST_CASE("what cannot be read is neither started, set aside nor removed") {
    for (DataSeen data : {kHalf, kOld, kNew, kForeign}) {
        data.unreadable = "cannot read 'pg_control': Input/output error";
        for (const ClusterSeen& cluster : {ClusterSeen{}, after_reset(), rebuilt()}) {
            for (const char* member : {"polygon1", "polygon2"}) {
                const Decision decision = decide(member, data, cluster);
                CHECK(decision.action == Action::wait);
                CHECK_THAT(decision.reason, ContainsText("Input/output error"));
            }
        }
    }
}

TEST_CASE("every decision says why") {
    for (const DataSeen& data : {kEmpty, kHalf, kOld, kNew, kForeign}) {
        for (const ClusterSeen& cluster : {ClusterSeen{}, after_reset(), rebuilt()}) {
            for (const char* member : {"polygon1", "polygon2"})
                CHECK_FALSE(decide(member, data, cluster).reason.empty());
        }
    }
}

}  // namespace
}  // namespace polygon::entrypoint
