#include "bootstrap/rebuild/coordinator/rehearsal.h"

#include "bootstrap/rebuild/coordinator/proposal.h"
#include "tests/support/catch.h"
#include "tests/unit/rebuild/surveys.h"

namespace polygon::rebuild {
namespace {

using etcd::Login;

// polygon2 leads now, polygon1 is to lead.
Error refusal_of(const Survey& survey, const Wanted& wanted = {}) {
    const Status checked = check_rehearsal(survey, wanted, "polygon1");
    return checked ? Error{Errc::internal, "", ""} : checked.error();
}

Survey with_login(const std::string& node, const Login& login) {
    Survey survey = good_survey();
    survey.nodes.at(node).proof->logins.push_back(login);
    return survey;
}

Login refused_replication(const std::string& member) {
    return {.role = "replication",
            .user = "replicator",
            .member = member,
            .address = "10.0.0.2:5432",
            .error = "no pg_hba.conf entry",
            .hba_line = "host replication \"replicator\" 10.0.0.3/32 scram-sha-256",
            .is_refused = true};
}

TEST_CASE("a polygon whose nodes are all let in is rehearsed") {
    CHECK(check_rehearsal(good_survey(), {}, "polygon1").has_value());
    CHECK(rehearsal_warnings(good_survey(), {}, "polygon1").empty());
}

TEST_CASE("a refused login is named with node, role, address, the server's words and the missing line") {
    for (const char* server : {"polygon1", "polygon2"}) {
        const Error refusal = refusal_of(with_login("polygon3", refused_replication(server)));
        CHECK(refusal.code == Errc::refused);
        CHECK(
            refusal.message ==
            fmt::format("'polygon3' cannot log in as replication ('replicator') at {} (10.0.0.2:5432): no pg_hba.conf "
                        "entry",
                        server));
        CHECK(refusal.hint ==
              fmt::format("Add to postgresql.pg_hba in Patroni's configuration: host replication \"replicator\" "
                          "10.0.0.3/32 scram-sha-256 (on {})",
                          server));
    }
}

TEST_CASE("a superuser whom its own server keeps out is refused, one whose server is down is a warning") {
    Login login{.role = "superuser", .member = "polygon3", .address = "/run/postgresql:5432", .error = "peer failed"};
    CHECK(check_rehearsal(with_login("polygon3", login), {}, "polygon1").has_value());
    CHECK(rehearsal_warnings(with_login("polygon3", login), {}, "polygon1") ==
          std::vector<std::string>{"'polygon3' cannot log in as superuser at /run/postgresql:5432: peer failed"});
    login.is_refused = true;
    CHECK_THAT(refusal_of(with_login("polygon3", login)).message, ContainsText("peer failed"));
}

TEST_CASE("a leader out of reach is refused; one of the others, or one that is to lead and is down, is not") {
    Login login = refused_replication("polygon2");
    login.is_refused = false;
    CHECK(refusal_of(with_login("polygon3", login)).code == Errc::refused);
    login.member = "polygon1";
    CHECK(check_rehearsal(with_login("polygon3", login), {}, "polygon1").has_value());
    CHECK(check_rehearsal(with_login("polygon1", refused_replication("polygon3")), {}, "polygon1").has_value());
    CHECK(rehearsal_warnings(with_login("polygon1", refused_replication("polygon3")), {}, "polygon1").size() == 1);
}

TEST_CASE("a leader whose connections are all taken is a warning, and no refusal") {
    Login login = refused_replication("polygon2");
    login.is_refused = false;
    login.is_full = true;
    CHECK(check_rehearsal(with_login("polygon3", login), {}, "polygon1").has_value());
    CHECK(rehearsal_warnings(with_login("polygon3", login), {}, "polygon1").size() == 1);
}

TEST_CASE("a cascading member needs the leader to clone it, and only its source where it is copied") {
    Survey survey = with_login("polygon3", refused_replication("polygon2"));
    survey.cluster.members[2].replicates_from = "polygon1";
    const Wanted cloned;
    const Wanted copied{.replicas = etcd::ReplicaSource::staged};
    CHECK(refusal_of(survey, cloned).code == Errc::refused);
    CHECK(check_rehearsal(survey, copied, "polygon1").has_value());
    survey.cluster.members[0].is_clone_source = true;
    CHECK(check_rehearsal(survey, cloned, "polygon1").has_value());
    survey.nodes.at("polygon3").proof->logins.push_back(refused_replication("polygon1"));
    CHECK(refusal_of(survey, copied).code == Errc::refused);
}

TEST_CASE("a node that does not answer, and access that the new data directory would not have, are refused") {
    Survey silent = good_survey();
    silent.nodes.at("polygon3").proof.reset();
    CHECK_THAT(refusal_of(silent).message, ContainsText("'polygon3' did not say which logins work there"));
    silent.nodes.at("polygon3").node.proof = etcd::NodeProof{.error = "polygon-bootstrap has no command 'prove'"};
    CHECK_THAT(refusal_of(silent).message, ContainsText("which logins work there: polygon-bootstrap has no command"));
    Survey access = good_survey();
    access.nodes.at("polygon3").proof->access = "no pg_hba";
    CHECK(refusal_of(access).message == "'polygon3': no pg_hba");
}

TEST_CASE("the proposal says what keeps a node out, and how it is let in") {
    const Proposal proposal =
        make_proposal("polygon", with_login("polygon3", refused_replication("polygon2")), {}, std::nullopt);
    REQUIRE(proposal.in_the_way.has_value());
    CHECK_THAT(to_table(proposal), ContainsText("10.0.0.3/32 scram-sha-256"));
    CHECK_THAT(to_json(proposal), ContainsText("\"hba_line\": \"host replication"));
}

}  // namespace
}  // namespace polygon::rebuild
