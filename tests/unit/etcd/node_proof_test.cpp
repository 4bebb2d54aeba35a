#include "common/etcd/node_proof.h"

#include "common/etcd/rebuild_state.h"
#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

NodeProof full_proof() {
    return {.id = "g2 verify 1",
            .taken_at = "2026-11-20T03:00:00Z",
            .role = ServerRole::standby,
            .is_visible = false,
            .generation = "g2",
            .system_identifier = "7423",
            .timeline = 3,
            .upstream = "10.0.0.1:5432",
            .receiver = "streaming",
            .received_lsn = 0xFFFFFFFFFFFFFFF0U,
            .replayed_lsn = 2,
            .current_lsn = 3,
            .stamped_lsn = 4,
            .is_replay_held = true,
            .cloned_bytes = 5,
            .waiting_backups = 2,
            .logins = {{.role = "replication",
                        .user = "a \"b\"",
                        .member = "one",
                        .address = "10.0.0.1:5432",
                        .error = "no",
                        .hba_line = "host",
                        .is_refused = true}},
            .evidence = "{\"scope\":\"main\"}",
            .kept_certificate = "then",
            .access = "none",
            .error = "words"};
}

TEST_CASE("a proof comes back as it was written, alone and in its node's record") {
    CHECK(parse_proof(to_json(full_proof())).value_or(NodeProof()) == full_proof());
    const auto node = parse_node(to_json(NodeRecord{.name = "one", .proof = full_proof()}));
    REQUIRE(node.has_value());
    CHECK(node->proof == full_proof());
    CHECK_FALSE(parse_node(to_json(NodeRecord{.name = "one"}))->proof.has_value());
}

TEST_CASE("another version's proof has defaults for what it does not say, or counts as none") {
    const auto proof = parse_proof(R"({"role":"primary","later":1})");
    REQUIRE(proof.has_value());
    CHECK(proof->role == ServerRole::primary);
    CHECK(proof->is_visible);
    CHECK_FALSE(parse_proof(R"({"role":"arbiter"})").has_value());
    CHECK_FALSE(parse_proof("[]").has_value());
    std::string record = to_json(NodeRecord{.name = "one", .proof = NodeProof{.role = ServerRole::primary}});
    record.replace(record.find("\"primary\""), 9, "\"arbiter\"");
    const auto node = parse_node(record);
    REQUIRE(node.has_value());
    CHECK_FALSE(node->proof.has_value());
}

TEST_CASE("a request comes back as it was written") {
    const auto request = parse_proof_request(to_json(ProofRequest{.id = "p", .purpose = ProofPurpose::verify}));
    REQUIRE(request.has_value());
    CHECK(request->id == "p");
    CHECK(request->purpose == ProofPurpose::verify);
    CHECK_FALSE(parse_proof_request(R"({"id":"p","purpose":"other"})").has_value());
}

TEST_CASE("positions in the WAL are shown as PostgreSQL does") {
    CHECK(lsn_text(0x3000148) == "0/3000148");
    CHECK(lsn_text((0x2AULL << 32U) + 0x10) == "2A/10");
}

}  // namespace
}  // namespace polygon::etcd
