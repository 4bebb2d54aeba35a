#include "bootstrap/entrypoint/agent/proof_run.h"

#include "bootstrap/entrypoint/agent/orders.h"
#include "common/etcd/rebuild_keys.h"
#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

using etcd::NodeProof;
using etcd::Phase;
using etcd::ServerRole;

Orders orders_in(Phase phase) {
    return {.plan = etcd::Plan{.generation = "g2", .leader = "one", .mode = etcd::Mode::staged, .members = {"one"}},
            .phase = etcd::PhaseRecord{.generation = "g2", .phase = phase, .attempt = 2}};
}

TEST_CASE("a member proves itself in the phases that go by it, and else to whoever asks") {
    CHECK(wanted_proof(orders_in(Phase::replicas), "one") == WantedProof{"g2 replicas 2", ProofKind::follow});
    CHECK(wanted_proof(orders_in(Phase::verify), "one") == WantedProof{"g2 verify 2", ProofKind::verify});
    for (const Phase phase : {Phase::stage, Phase::copy, Phase::stop, Phase::clear, Phase::bootstrap, Phase::undo,
                              Phase::restore, Phase::done})
        CHECK(wanted_proof(orders_in(phase), "one").id.empty());
    CHECK(wanted_proof(orders_in(Phase::verify), "stranger").id.empty());
    Orders asked;
    CHECK(wanted_proof(asked, "one").id.empty());
    asked.proof = etcd::ProofRequest{.id = "plan-1", .purpose = etcd::ProofPurpose::rehearse};
    CHECK(wanted_proof(asked, "one") == WantedProof{"plan-1", ProofKind::rehearse});
    asked.proof->purpose = etcd::ProofPurpose::verify;
    CHECK(wanted_proof(asked, "one").kind == ProofKind::verify);
}

TEST_CASE("evidence is collected once, and logins are tried until all are let in") {
    using Arguments = std::vector<std::string>;
    CHECK(proof_arguments(ProofKind::follow, std::nullopt) == Arguments{"prove"});
    CHECK(proof_arguments(ProofKind::rehearse, std::nullopt) == Arguments{"prove", "--logins", "--rehearsal"});
    CHECK(proof_arguments(ProofKind::verify, std::nullopt) ==
          Arguments{"prove", "--logins", "--evidence", "--keep-certificate"});
    NodeProof last{.logins = {{.role = "replication"}, {.role = "rewind", .error = "no"}}, .evidence = "{}"};
    CHECK(proof_arguments(ProofKind::verify, last) == Arguments{"prove", "--logins", "--keep-certificate"});
    last.logins[1].error.clear();
    CHECK(proof_arguments(ProofKind::verify, last) == Arguments{"prove", "--keep-certificate"});
}

TEST_CASE("what was not asked for again stays, but no evidence of a server that has changed since") {
    const NodeProof last{.role = ServerRole::primary,
                         .generation = "g2",
                         .timeline = 1,
                         .stamped_lsn = 7,
                         .logins = {{.role = "replication"}},
                         .evidence = "{}"};
    NodeProof now{.role = ServerRole::primary, .generation = "g2", .timeline = 1};
    CHECK(completed(now, last).evidence == "{}");
    CHECK(completed(now, last).stamped_lsn == 7);
    CHECK(completed(now, last).logins.size() == 1);
    now.timeline = 2;
    CHECK(completed(now, last).evidence.empty());
    now = {.role = ServerRole::standby, .generation = "g2", .timeline = 1};
    CHECK(completed(now, last).evidence.empty());
    CHECK(completed(now, std::nullopt) == now);
}

TEST_CASE("a request that a newer version makes is left unanswered, and orders go on") {
    const etcd::RebuildKeys keys("/service/main/");
    etcd::Snapshot snapshot;
    snapshot.entries.push_back({.key = keys.proof(), .value = R"({"id":"x","purpose":"something new"})"});
    const auto orders = parse_orders(snapshot, keys);
    REQUIRE(orders.has_value());
    CHECK_FALSE(orders->proof.has_value());
    snapshot.entries.front().value = R"({"id":"x","purpose":"verify"})";
    CHECK(parse_orders(snapshot, keys)->proof->id == "x");
}

}  // namespace
}  // namespace polygon::entrypoint
