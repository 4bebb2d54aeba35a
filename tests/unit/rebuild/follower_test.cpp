#include "bootstrap/rebuild/coordinator/follower.h"

#include "tests/support/catch.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using etcd::Phase;

View proven_view() {
    View view = view_in(Phase::verify);
    prove_all(view);
    return view;
}

Follower judged(const View& view, std::uint64_t target = kStamped) {
    return judge_follower(reported(view), "polygon3", target);
}

TEST_CASE("a replica follows with the leader's row received and replayed, whatever its name and upstream") {
    View view = proven_view();
    CHECK(judged(view).standing == Standing::follows);
    view.cluster.members[1].conn_url = "postgres://10.0.0.2:5432/postgres";
    proof_of(view, "polygon3").upstream = "10.0.0.2:5432";
    CHECK(judged(view).standing == Standing::follows);
    CHECK(judged(view).detail ==
          "streaming from polygon2, timeline 2, received the leader's row (0/3000148) and replayed it");
}

TEST_CASE("a delayed replica counts by what it has received") {
    View view = proven_view();
    proof_of(view, "polygon3").replayed_lsn = 1;
    CHECK(judged(view).standing == Standing::behind);
    proof_of(view, "polygon3").is_replay_held = true;
    CHECK(judged(view).standing == Standing::follows);
    CHECK_THAT(judged(view).detail, ContainsText("its replay is held back"));
    proof_of(view, "polygon3").received_lsn = 2;
    CHECK(judged(view).standing == Standing::behind);
}

TEST_CASE("before the certificate streaming is enough, and so is the leader's WAL by the archive") {
    View view = proven_view();
    proof_of(view, "polygon3").received_lsn = 1;
    CHECK(judged(view, 0).standing == Standing::follows);
    proof_of(view, "polygon3").receiver = "waiting";
    CHECK(judged(view, 0).standing == Standing::behind);
    proof_of(view, "polygon3").receiver.clear();
    proof_of(view, "polygon3").received_lsn = proof_of(view, "polygon1").current_lsn;
    CHECK(judged(view, 0).standing == Standing::follows);
}

TEST_CASE("what follows by the archive alone, or admits no session, is named and no failure") {
    View view = proven_view();
    proof_of(view, "polygon3").receiver.clear();
    proof_of(view, "polygon3").received_lsn = 1;
    CHECK(judged(view).standing == Standing::behind);
    view.cluster.members[2].is_streaming_wanted = false;
    CHECK(judged(view).standing == Standing::unseen);
    CHECK_THAT(judged(view).detail, ContainsText("nostream"));
    proof_of(view, "polygon3").timeline = 1;  // it has replayed the switch, and made no restart point since
    CHECK(judged(view).standing == Standing::unseen);
    proof_of(view, "polygon3").timeline = 3;
    CHECK(judged(view).standing == Standing::behind);
    proof_of(view, "polygon3").timeline = 2;
    view.cluster.members[2].is_streaming_wanted = true;
    proof_of(view, "polygon3").is_visible = false;
    proof_of(view, "polygon3").timeline = 1;
    CHECK(judged(view).standing == Standing::unseen);
    CHECK_THAT(judged(view).detail, ContainsText("hot_standby is off"));
}

TEST_CASE("another generation, system identifier or timeline, and a second primary, never follow") {
    const auto changed = [](auto&& change) {
        View view = proven_view();
        change(proof_of(view, "polygon3"));
        return judged(view);
    };
    const auto other = changed([](etcd::NodeProof& proof) { proof.generation = "before"; });
    CHECK(other.standing == Standing::behind);
    CHECK(other.detail == "it carries generation 'before', the polygon '" + kGeneration + "'");
    CHECK(changed([](etcd::NodeProof& proof) { proof.system_identifier = kOldSystem; }).standing == Standing::behind);
    CHECK(changed([](etcd::NodeProof& proof) { proof.timeline = 1; }).detail == "it is on timeline 1, the leader on 2");
    CHECK(changed([](etcd::NodeProof& proof) { proof.role = etcd::ServerRole::primary; }).detail ==
          "it is a primary itself");
    CHECK(changed([](etcd::NodeProof& proof) {
              proof.is_visible = false;
              proof.generation = "before";
          }).standing == Standing::behind);
}

TEST_CASE("an answer to another question does not count, and others may speak for a node that says nothing") {
    View view = proven_view();
    proof_of(view, "polygon3").id = "another";
    CHECK(judged(view).standing == Standing::behind);
    CHECK(judged(view).detail == "its agent has not said whom it follows");
    view.nodes.at("polygon3").generation = kGeneration;
    view.cluster.members[2].timeline = 2;
    CHECK(judged(view).standing == Standing::unknown);
    view.nodes.at("polygon3").generation = "before";
    CHECK(judged(view).standing == Standing::behind);
    view.nodes.erase("polygon3");
    CHECK(judged(view).standing == Standing::unknown);
    view.cluster.members[2].state = "stopped";
    CHECK(judged(view).detail == "no agent answers for it");
}

TEST_CASE("a leader counts as a primary of the generation, and by its own node's word") {
    View view = proven_view();
    CHECK(find_leader_proof(reported(view)) != nullptr);
    proof_of(view, "polygon1").role = etcd::ServerRole::standby;
    CHECK(find_leader_proof(reported(view)) == nullptr);
    CHECK(missing_leader(reported(view)) == "the leader polygon1 to leave recovery");
    view.nodes.at("polygon1").proof.reset();
    CHECK(missing_leader(reported(view)) == "the leader polygon1 to say what it is (its agent has not answered)");
    view.cluster.leader.reset();
    CHECK(missing_leader(reported(view)) == "a leader");
}

}  // namespace
}  // namespace polygon::rebuild
