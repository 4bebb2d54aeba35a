#include "callbacks/role_change/assessment.h"

#include "tests/support/catch.h"

namespace polygon::role_change {
namespace {

using namespace std::chrono_literals;

const LeaderSeen kLeader{.generation = "g2", .proven = "g2"};

Verdict verdict(const MemberSeen& member, const LeaderSeen& leader = kLeader) {
    return assess(member, leader).verdict;
}

// Known for an hour to carry g1, and not asked yet: there is nothing more that could speak against it.
MemberSeen stale(const std::string& state) {
    return {.state = state, .generation = "g1", .foreign_for = 1h};
}

TEST_CASE("a member that streams is left alone, whomever it streams from") {
    CHECK(verdict({.state = "streaming", .is_streaming = true, .generation = "g2"}) == Verdict::streams);
    CHECK(verdict({.state = "running", .is_streaming = true, .generation = "g2"}) == Verdict::streams);
    CHECK(verdict({.state = "running", .is_streaming = true}) == Verdict::streams);
}

TEST_CASE("a member of this generation is never asked, however long it does not stream, whatever Patroni calls it") {
    for (const char* state : {"running", "in archive recovery", "streaming", "starting", "start failed", "stopped",
                              "crashed", "running pg_rewind", "unknown", ""}) {
        CHECK(verdict({.state = state, .generation = "g2"}) == Verdict::wait);
        CHECK(verdict({.state = state, .generation = "g2", .since_asked = 1h}) == Verdict::wait);
    }
    CHECK(assess({.state = "running", .generation = "g2"}, kLeader).reason ==
          "running, of this generation, not streaming yet");
}

TEST_CASE("a member of which nobody says what it carries is never asked: a login that fails is no reason") {
    for (const char* state : {"running", "start failed", "stopped", "crashed", ""})
        CHECK(verdict({.state = state, .foreign_for = 1h, .since_asked = 1h}) == Verdict::wait);
    CHECK(assess({.state = "running"}, kLeader).reason == "running; nobody says which generation it carries");
}

TEST_CASE("a member that is known to be of another generation is asked, even if it seems to stream") {
    const Assessment asked = assess(stale("running"), kLeader);
    CHECK(asked.verdict == Verdict::reinitialise);
    CHECK(asked.reason == "it carries generation 'g1', the leader 'g2'");
    MemberSeen streaming = stale("streaming");
    streaming.is_streaming = true;
    CHECK(verdict(streaming) == Verdict::reinitialise);
    for (const char* state : {"start failed", "crashed", "stopped", "in archive recovery"})
        CHECK(verdict(stale(state)) == Verdict::reinitialise);
}

TEST_CASE("a record that may be older than the clone it is about is looked at again") {
    MemberSeen cloned = stale("streaming");
    cloned.is_streaming = true;
    cloned.foreign_for = 24s;
    CHECK(verdict(cloned) == Verdict::wait);
    cloned.foreign_for = 25s;
    CHECK(verdict(cloned) == Verdict::reinitialise);
}

TEST_CASE("a member that clones, rewinds or starts is waited for, whatever its data") {
    for (const char* state : {"creating replica", "running pg_rewind", "bootstrapping from leader",
                              "initializing new cluster", "starting", "restarting"})
        CHECK(verdict(stale(state)) == Verdict::wait);
}

TEST_CASE("a stale leader has nobody reinitialise: its newer replicas have what is proven") {
    const MemberSeen newer{.state = "running", .generation = "g3", .foreign_for = 1h};
    CHECK(verdict(newer, {.generation = "g2", .proven = "g3"}) == Verdict::wait);
    CHECK(verdict(newer, {.generation = "g2", .proven = std::nullopt}) == Verdict::wait);
    CHECK_THAT(assess(newer, {.generation = "g2", .proven = "g3"}).reason, ContainsText("proven is 'g3'"));
}

TEST_CASE("while a rebuild is under way the nodes' agents replace data, and nobody else") {
    CHECK(verdict(stale("running"), {.generation = "g2", .proven = "g2", .is_rebuilding = true}) == Verdict::wait);
}

TEST_CASE("a member that was asked is not asked again for a while, then again") {
    MemberSeen member = stale("running");
    member.since_asked = 29s;
    CHECK(verdict(member) == Verdict::wait);
    member.since_asked = 30s;
    CHECK(verdict(member) == Verdict::reinitialise);
}

}  // namespace
}  // namespace polygon::role_change
