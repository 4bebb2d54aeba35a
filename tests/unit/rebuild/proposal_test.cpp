#include "bootstrap/rebuild/coordinator/proposal.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"
#include "tests/unit/rebuild/surveys.h"

namespace polygon::rebuild {
namespace {

TEST_CASE("a report is read as polygon-bootstrap writes it, and junk is none") {
    const auto report = parse_report(report_text(7, 8));
    REQUIRE(report.has_value());
    CHECK(report->backup.label == "monday");
    CHECK(report->backup.identity == "abc");
    CHECK(report->backup.bytes == kBackupBytes);
    REQUIRE(report->space.size() == 1);
    CHECK(report->space[0].path == "/data/staged");
    CHECK(report->space[0].needed_bytes == 7);
    for (const char* junk : {"", "junk", "[]", "{}", R"({"source": 1})"})
        CHECK_FALSE(parse_report(junk).has_value());
    const auto live = parse_report(R"({"source": {"description": "host=prod"}})");
    REQUIRE(live.has_value());
    CHECK_FALSE(live->has_unplaced_tablespace);
    CHECK(parse_report(R"({"source": {"postgresql": 15}, "tablespaces": [{"from": "/fast", "to": null}]})")
              ->has_unplaced_tablespace);
    CHECK(live->description == "host=prod");
    CHECK(live->backup.label.empty());
}

TEST_CASE("only answers to this request count") {
    Situation situation;
    for (const char* name : {"polygon1", "polygon2"}) {
        situation.nodes[name].value = etcd::NodeRecord{.name = name};
        situation.nodes[name].value->preflight = etcd::Preflight{.id = "r1", .report = report_text(1, 2)};
        situation.nodes[name].value->proof = etcd::NodeProof{.id = "r1", .logins = {{.role = "superuser"}}};
    }
    CHECK(still_asked(situation, "r1").empty());
    situation.nodes["polygon1"].value->proof->id = "r0";
    CHECK(still_asked(situation, "r1") == std::vector<std::string>{"polygon1"});
    CHECK_FALSE(make_survey(situation, "r1").nodes.at("polygon1").proof.has_value());
    situation.nodes["polygon1"].value->proof->id = "r1";
    situation.nodes["polygon2"].value->preflight->id = "r0";
    CHECK(still_asked(situation, "r1") == std::vector<std::string>{"polygon2"});
    const Survey survey = make_survey(situation, "r1");
    CHECK(survey.nodes.at("polygon1").report.has_value());
    CHECK_FALSE(survey.nodes.at("polygon2").report.has_value());
    CHECK(survey.nodes.at("polygon2").error == "it did not say what it would do");
}

TEST_CASE("a helper that has failed has tried no login: its error is no answer, and no login is missing from it") {
    Situation situation;
    situation.nodes["polygon1"].value = etcd::NodeRecord{.name = "polygon1"};
    situation.nodes["polygon1"].value->preflight = etcd::Preflight{.id = "r1", .report = report_text(1, 2)};
    situation.nodes["polygon1"].value->proof = etcd::NodeProof{.id = "r1", .error = "exited with status 2"};
    CHECK(still_asked(situation, "r1") == std::vector<std::string>{"polygon1"});
    CHECK_FALSE(make_survey(situation, "r1").nodes.at("polygon1").proof.has_value());
}

TEST_CASE("a standby cluster is known by its configuration") {
    Situation situation{.cluster = {.prefix = "/service/p/", .entries = {}, .keys = {}}};
    situation.cluster.entries = {{.key = "/service/p/config", .value = R"({"standby_cluster": {"host": "x"}})"}};
    CHECK(make_survey(situation, "r").is_standby_cluster);
    situation.cluster.entries[0].value = R"({"standby_cluster": null})";
    CHECK_FALSE(make_survey(situation, "r").is_standby_cluster);
}

TEST_CASE("the plan is made of what was proposed") {
    const Proposal proposal = make_proposal("polygon", good_survey(), {.leader = "polygon3"}, 6.5);
    REQUIRE_FALSE(proposal.in_the_way.has_value());
    const etcd::Plan plan = make_plan(proposal, "g2", "2026-11-20T03:00:00Z", R"({"generation": "g1"})");
    CHECK(plan.generation == "g2");
    CHECK(plan.leader == "polygon3");
    CHECK(plan.system_identifier == "100");
    CHECK(plan.mode == etcd::Mode::staged);
    CHECK(plan.members == std::vector<std::string>{"polygon1", "polygon2", "polygon3"});
    CHECK(plan.backup.directory == "/backups/monday");
    CHECK(plan.replaced_generation == R"({"generation": "g1"})");
}

TEST_CASE("in place nothing is copied beforehand") {
    const Wanted wanted{.leader = {}, .mode = etcd::Mode::in_place, .replicas = etcd::ReplicaSource::staged};
    const Proposal proposal = make_proposal("polygon", good_survey(), wanted, std::nullopt);
    CHECK(make_plan(proposal, "g2", "", "").replicas == etcd::ReplicaSource::leader);
    CHECK_THAT(to_table(proposal), ContainsText("expected outage    as long as the restore takes"));
}

TEST_CASE("the table shows source, nodes, what is disarmed and the outage to expect") {
    Survey survey = good_survey();
    survey.nodes["polygon3"].report.reset();
    survey.nodes["polygon3"].error = "no backup in /backups";
    const std::string text = to_table(make_proposal("polygon", survey, {}, 6.5));
    CHECK_THAT(text, ContainsText("source             backup 'monday' in /backups/monday\n"));
    CHECK_THAT(text, ContainsText("taken 2026-11-20 02:00:00 GMT, 4.8 MiB, and 16 MiB of WAL\n"));
    CHECK_THAT(text,
               ContainsText("node polygon1      replica -> leader, PostgreSQL 15, pg-polygon 0.1.0, 4.8 MiB needed, "
                            "9.5 MiB free, source readable\n"));
    CHECK_THAT(text, ContainsText("node polygon2      leader, "));
    CHECK_THAT(text, ContainsText("source not readable: no backup in /backups\n"));
    CHECK_THAT(text, ContainsText("subscriptions      drop\n"));
    CHECK_THAT(text, ContainsText("dropped databases  audit\n"));
    CHECK_THAT(text, ContainsText("expected outage    about 6 s, as the last time\n"));
    CHECK_THAT(to_table(make_proposal("polygon", survey, {}, std::nullopt)),
               ContainsText("expected outage    about 10 s, not measured here yet\n"));
}

TEST_CASE("as JSON it says the same, and what is in the way") {
    Survey survey = good_survey();
    survey.cluster.is_paused = true;
    const auto json = nlohmann::json::parse(to_json(make_proposal("polygon", survey, {}, std::nullopt)));
    CHECK(json.at("leader") == "");
    CHECK_THAT(json.at("in_the_way").get<std::string>(), ContainsText("the cluster is paused"));
    CHECK(json.at("nodes").size() == 3);
    const auto good = nlohmann::json::parse(to_json(make_proposal("polygon", good_survey(), {}, 6.5)));
    CHECK(good.at("in_the_way").is_null());
    CHECK(good.at("source").at("label") == "monday");
    CHECK(good.at("disarmed").at("jobs") == "disable");
    CHECK(good.at("last_outage_seconds") == 6.5);
    CHECK(good.at("nodes")[0].at("needed_bytes") == kBackupBytes);
}

}  // namespace
}  // namespace polygon::rebuild
