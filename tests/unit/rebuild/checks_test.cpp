#include "bootstrap/rebuild/coordinator/checks.h"

#include "tests/support/catch.h"
#include "tests/unit/rebuild/surveys.h"

namespace polygon::rebuild {
namespace {

const Wanted kStaged{};
const Wanted kInPlace{.leader = {}, .mode = etcd::Mode::in_place};

// The message of the refusal; empty: there was none.
template <class T>
std::string refusal(const Result<T>& result) {
    if (result) return "";
    CHECK(result.error().code == Errc::refused);
    CHECK_FALSE(result.error().hint.empty());
    return result.error().message;
}

TEST_CASE("a healthy cluster with an agent on each member passes") {
    const Survey survey = good_survey();
    CHECK(refusal(check_cluster(survey)) == "");
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) == "");
    CHECK(find_warnings(survey, kStaged, "polygon1").empty());
}

TEST_CASE("a paused, a leaderless, a standby and an uninitialised cluster are refused") {
    Survey survey = good_survey();
    survey.cluster.is_paused = true;
    CHECK_THAT(refusal(check_cluster(survey)), ContainsText("the cluster is paused"));
    survey = good_survey();
    survey.cluster.leader.reset();
    CHECK(refusal(check_cluster(survey)) == "the cluster has no leader");
    survey = good_survey();
    survey.cluster.initialize = "";
    CHECK(refusal(check_cluster(survey)) == "the cluster has no leader");
    survey = good_survey();
    survey.is_standby_cluster = true;
    CHECK_THAT(refusal(check_cluster(survey)), ContainsText("standby cluster"));
}

TEST_CASE("a member without an agent, and an agent that is no member, are refused: it may be production") {
    Survey survey = good_survey();
    survey.nodes.erase("polygon3");
    CHECK(refusal(check_cluster(survey)) == "member 'polygon3' runs no agent");
    survey.nodes.clear();
    CHECK(refusal(check_cluster(survey)) == "member 'polygon1' runs no agent");
    survey = good_survey();
    survey.cluster.members.pop_back();
    CHECK(refusal(check_cluster(survey)) == "node 'polygon3' has an agent, but is no member of the cluster now");
}

TEST_CASE("who leads: the one asked for, else one that could restore and does not lead now, else the leader") {
    Survey survey = good_survey();
    CHECK(choose_leader(survey, {.leader = "polygon3"}).value_or("") == "polygon3");
    CHECK(choose_leader(survey, kStaged).value_or("") == "polygon1");
    survey.nodes["polygon1"].report.reset();
    survey.nodes["polygon1"].error = "no backup in /backups";
    CHECK(choose_leader(survey, kStaged).value_or("") == "polygon3");
    survey.nodes["polygon3"] = survey.nodes["polygon1"];
    CHECK(choose_leader(survey, kStaged).value_or("") == "polygon2");
    const auto misspelt = choose_leader(survey, {.leader = "polgon3"});
    CHECK(refusal(misspelt) == "the cluster has no member 'polgon3', but polygon1, polygon2, polygon3");
    CHECK(misspelt.error().hint == "Did you mean 'polygon3'?");
}

TEST_CASE("a member that is tagged nofailover never leads") {
    Survey survey = good_survey();
    survey.cluster.members[0].may_lead = false;
    CHECK(choose_leader(survey, kStaged).value_or("") == "polygon3");
    const auto asked = choose_leader(survey, {.leader = "polygon1"});
    CHECK(refusal(asked) == "member 'polygon1' is tagged nofailover: Patroni never bootstraps there");
    CHECK(asked.error().hint == "Name another member by --leader, or take the tag out of its configuration.");
    survey.cluster.members[2].may_lead = false;
    CHECK(choose_leader(survey, kStaged).value_or("") == "polygon2");
    survey.cluster.members[1].may_lead = false;
    CHECK(refusal(choose_leader(survey, kStaged)) == "no member could lead the rebuild");
}

TEST_CASE("the leader-to-be has to read the backup; for another it is a warning") {
    Survey survey = good_survey();
    survey.nodes["polygon1"].report.reset();
    survey.nodes["polygon1"].error = "no backup in /backups";
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) ==
          "'polygon1' cannot restore the backup: no backup in /backups");
    CHECK(refusal(check_nodes(survey, kStaged, "polygon3")) == "");
    CHECK(find_warnings(survey, kStaged, "polygon3") ==
          std::vector<std::string>{"'polygon1' could not restore the backup itself: no backup in /backups"});
}

TEST_CASE("another major version is refused; another C library and a member that does not run are told") {
    Survey survey = good_survey();
    survey.nodes["polygon3"].node.postgres_major = 17;
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) == "'polygon3' has PostgreSQL 17, 'polygon1' has 15");
    survey.nodes["polygon3"].node.postgres_major = 15;
    survey.nodes["polygon3"].node.system = "glibc 2.41";
    survey.cluster.members[1].state = "start failed";
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) == "");
    CHECK(find_warnings(survey, kStaged, "polygon1") ==
          std::vector<std::string>{
              "'polygon2' is 'start failed' now, not running",
              "'polygon3' has glibc 2.41, 'polygon1' has glibc 2.36: their collations may sort differently"});
}

TEST_CASE("every node needs room for the clone beside what it has; in place the leader may reuse its own") {
    Survey survey = good_survey();
    survey.nodes["polygon1"].report = parse_report(report_text(3'000'000, 2'999'999));
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) ==
          "'polygon1' has too little room for the clone at '/data/staged': 2.9 MiB needed, 2.9 MiB free");
    survey.nodes["polygon1"].error = "too little room";
    CHECK(refusal(check_nodes(survey, kInPlace, "polygon1")) == "");
    survey.nodes["polygon1"].report->occupied_bytes = 0;
    CHECK_THAT(refusal(check_nodes(survey, kInPlace, "polygon1")), ContainsText("'polygon1' has too little room"));
    survey.nodes["polygon1"].report->has_unplaced_tablespace = true;
    survey.nodes["polygon1"].error = "no place for tablespace /fast";
    CHECK_THAT(refusal(check_nodes(survey, kInPlace, "polygon1")), ContainsText("no place for tablespace /fast"));
    survey = good_survey();
    survey.nodes["polygon1"].error = "something else";
    CHECK_THAT(refusal(check_nodes(survey, kInPlace, "polygon1")), ContainsText("something else"));
    survey = good_survey();
    survey.nodes["polygon3"].node.free_bytes = kBackupBytes - 1;
    CHECK_THAT(refusal(check_nodes(survey, kStaged, "polygon1")),
               ContainsText("'polygon3' has too little room for its clone"));
    CHECK(refusal(check_nodes(survey, kInPlace, "polygon1")) == "");
    survey.nodes["polygon3"].report->reclaimable_bytes = 1;  // kept of an earlier rebuild
    CHECK(refusal(check_nodes(survey, kStaged, "polygon1")) == "");
    survey.nodes["polygon3"].report->reclaimable_bytes = 0;
    survey.nodes["polygon3"].report->occupied_bytes = 0;
    CHECK(refusal(check_nodes(survey, kInPlace, "polygon1")) ==
          "'polygon3' has too little room for its clone: 4.8 MiB needed, 4.8 MiB free");
    CHECK(find_warnings(survey, kInPlace, "polygon1").back() ==
          "the polygon is wiped first: there is no way back once it was stopped");
}

TEST_CASE("the same backup again is nothing to do; a source without a label is always newer") {
    const etcd::PlannedBackup backup{.label = "monday", .time = "2026-11-20 02:00:00 GMT"};
    etcd::Generation proven{.generation = "g1", .backup_label = "monday", .backup_time = backup.time};
    const Status same = check_newer(proven, backup);
    REQUIRE_FALSE(same.has_value());
    CHECK(same.error().code == Errc::nothing_to_do);
    CHECK_THAT(same.error().message, ContainsText("'monday' of 2026-11-20 02:00:00 GMT"));
    CHECK(check_newer(std::nullopt, backup).has_value());
    proven.backup_time = "2026-11-19 02:00:00 GMT";
    CHECK(check_newer(proven, backup).has_value());
    proven.backup_label = "";
    CHECK(check_newer(proven, {}).has_value());
}

}  // namespace
}  // namespace polygon::rebuild
