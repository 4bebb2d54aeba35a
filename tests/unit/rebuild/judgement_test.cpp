#include "bootstrap/rebuild/coordinator/judgement.h"

#include <algorithm>

#include "tests/support/catch.h"
#include "tests/unit/rebuild/views.h"

namespace polygon::rebuild {
namespace {

using etcd::Phase;
using sanitize::Check;
using sanitize::Weight;

View proven_view() {
    View view = view_in(Phase::verify);
    prove_all(view);
    return view;
}

Judgement judged(const View& view) {
    return judge(reported(view), {.proven = kGeneration, .members = kMembers});
}

Check find_check(const Judgement& judgement, const std::string& name) {
    const auto& checks = judgement.certificate->checks;
    const auto found =
        std::find_if(checks.begin(), checks.end(), [&](const Check& check) { return check.name == name; });
    REQUIRE(found != checks.end());
    return *found;
}

TEST_CASE("the certificate has the leader's evidence, the logins and every replica") {
    const Judgement judgement = judged(proven_view());
    CHECK(judgement.pending.empty());
    CHECK(refutation(judgement).empty());
    CHECK(sanitize::require_all(judgement.certificate->checks).has_value());
    CHECK(judgement.certificate->checks.front().name == "generation");
    CHECK(find_check(judgement, "leader").detail == "accepts writes");
    CHECK(find_check(judgement, "replication login").detail == "replicator, from 3 nodes");
    CHECK(find_check(judgement, "members").detail == "3, none missing");
    CHECK(find_check(judgement, "replica polygon2").holds);
    CHECK(find_check(judgement, "replica polygon3").holds);
}

TEST_CASE("without the leader's evidence there is no certificate, and its error is what is waited for") {
    View view = proven_view();
    proof_of(view, "polygon1").evidence.clear();
    proof_of(view, "polygon1").error = "cannot collect the certificate's evidence: timeout";
    const Judgement judgement = judged(view);
    CHECK_FALSE(judgement.certificate.has_value());
    CHECK(judgement.pending == std::vector<std::string>{"the evidence of the leader polygon1 (cannot collect the "
                                                        "certificate's evidence: timeout)"});
}

TEST_CASE("a generation that etcd does not know as proven refutes the polygon") {
    const View view = proven_view();
    const Judgement judgement = judge(reported(view), {.proven = "another", .members = kMembers});
    CHECK_THAT(refutation(judgement), ContainsText("etcd says another"));
}

TEST_CASE("a replica that is behind is waited for, and fails the certificate that is written all the same") {
    View view = proven_view();
    proof_of(view, "polygon3").replayed_lsn = 1;
    const Judgement judgement = judged(view);
    CHECK(judgement.pending.size() == 1);
    CHECK_FALSE(judgement.is_only_word_missing);
    CHECK(refutation(judgement).empty());
    CHECK(find_check(judgement, "replica polygon3").weight == Weight::required);
    CHECK_FALSE(find_check(judgement, "replica polygon3").holds);
}

TEST_CASE("what cannot be seen is a warning in the certificate") {
    View view = proven_view();
    proof_of(view, "polygon2").is_visible = false;
    CHECK(judged(view).pending.empty());
    CHECK(find_check(judged(view), "replica polygon2").weight == Weight::advisory);
    CHECK_FALSE(find_check(judged(view), "replica polygon2").holds);
    view.nodes.at("polygon3").generation = kGeneration;
    view.nodes.at("polygon3").proof.reset();
    view.cluster.members[2].timeline = 2;
    CHECK(judged(view).is_only_word_missing);
    CHECK(find_check(judged(view), "replica polygon3").weight == Weight::advisory);
}

TEST_CASE("a member of before that is not back is waited for") {
    View view = proven_view();
    view.cluster.members.pop_back();
    const Judgement judgement = judged(view);
    CHECK(judgement.pending == std::vector<std::string>{"polygon3 to be in the cluster"});
    CHECK_FALSE(find_check(judgement, "members").holds);
}

TEST_CASE("logins to the leader: one that is kept out is a warning, nobody let in a failure that may pass") {
    View view = proven_view();
    proof_of(view, "polygon3").logins.front().error = "no pg_hba.conf entry";
    CHECK(judged(view).pending.empty());
    CHECK(find_check(judged(view), "replication login").weight == Weight::advisory);
    CHECK(find_check(judged(view), "replication login").detail == "from polygon3: no pg_hba.conf entry");
    for (const std::string& member : kMembers)
        proof_of(view, member).logins.front().error = "no pg_hba.conf entry";
    CHECK(judged(view).pending.size() == 1);
    CHECK(refutation(judged(view)).empty());
    CHECK(find_check(judged(view), "replication login").weight == Weight::required);
}

TEST_CASE("a leader that streams to as many as it may is no polygon to roll back") {
    View view = proven_view();
    for (const std::string& member : kMembers) {
        proof_of(view, member).logins.front().error = "number of requested standby connections exceeds";
        proof_of(view, member).logins.front().is_full = true;
    }
    CHECK(judged(view).pending.empty());
    CHECK(find_check(judged(view), "replication login").weight == Weight::advisory);
    CHECK_FALSE(find_check(judged(view), "replication login").holds);
}

}  // namespace
}  // namespace polygon::rebuild
