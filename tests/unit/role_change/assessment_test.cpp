#include "callbacks/role_change/assessment.h"

#include "tests/support/catch.h"

namespace polygon::role_change {
namespace {

using namespace std::chrono_literals;

TEST_CASE("a member that streams the leader's generation is left alone") {
    CHECK(assess({.state = "streaming", .is_streaming = true, .generation = "g2"}, "g2").verdict == Verdict::streams);
    CHECK(assess({.state = "running", .is_streaming = true}, "g2").verdict == Verdict::streams);
}

TEST_CASE("a member that streams with another generation's data is asked to reinitialise at once") {
    const Assessment stale = assess({.state = "streaming", .is_streaming = true, .generation = "g1"}, "g2");
    CHECK(stale.verdict == Verdict::reinitialise);
    CHECK(stale.reason == "it carries generation 'g1', the leader 'g2'");
    CHECK(assess({.state = "running", .is_streaming = true, .generation = ""}, "g2").verdict == Verdict::reinitialise);
}

TEST_CASE("a member that clones, rewinds, starts or replays is waited for, whatever its data") {
    for (const char* state : {"creating replica", "running pg_rewind", "bootstrapping from leader",
                              "initializing new cluster", "starting", "restarting", "in archive recovery"}) {
        CHECK(assess({.state = state, .generation = "g1", .watched = 1h}, "g2").verdict == Verdict::wait);
    }
}

TEST_CASE("after a plain failover a member of the same generation gets its time") {
    CHECK(assess({.state = "running", .generation = "g2", .watched = 59s}, "g2").verdict == Verdict::wait);
    CHECK(assess({.state = "running", .generation = "g2", .watched = 60s}, "g2").verdict == Verdict::reinitialise);
}

TEST_CASE("a member that does not say what it carries gets half of that") {
    CHECK(assess({.state = "running", .watched = 29s}, "g2").verdict == Verdict::wait);
    CHECK(assess({.state = "start failed", .watched = 30s}, "g2").verdict == Verdict::reinitialise);
}

TEST_CASE("a member that was asked is not asked again for a while, then again") {
    MemberSeen member{.state = "running", .generation = "g1", .watched = 1h, .since_asked = 29s};
    CHECK(assess(member, "g2").verdict == Verdict::wait);
    member.since_asked = 30s;
    CHECK(assess(member, "g2").verdict == Verdict::reinitialise);
}

TEST_CASE("a member that is down cannot be asked") {
    CHECK(assess({.state = "stopped", .watched = 1h}, "g2").verdict == Verdict::wait);
    CHECK(assess({.state = "", .watched = 1h}, "g2").verdict == Verdict::wait);
}

}  // namespace
}  // namespace polygon::role_change
