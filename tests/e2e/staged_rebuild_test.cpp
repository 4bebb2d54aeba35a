#include "tests/e2e/staged_rebuild.h"

#include <chrono>
#include <filesystem>

#include "tests/support/outage_watch.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr auto kLongestOutage = 20s;

TEST_CASE("a staged rebuild makes the polygon production's copy, and testers write until it changes over") {
    const StandGuard guard;
    support::Stand& both = stand();
    leave_mark("before the staged rebuild");
    const support::OutageWatch watch(both.polygon(), "thai");
    require(watch.wait_for_writes(5));
    const std::string before = last_generation();
    support::OperatorCommand command = require(both.start_rebuild());
    require(wait_for_phase(before, Phase::stage));
    require(watch.wait_for_writes(20));
    const Ended ended = end_of(command);
    INFO(ended.output);
    REQUIRE(ended.status == 0);

    require(both.wait_for_polygon());
    require(watch.wait_for_writes(5));
    const support::Outage outage = require(watch.longest());
    CHECK(outage.length() < kLongestOutage);
    REQUIRE(watch.until_redundant(outage).has_value());
    require_tidy(Previous::removed);
    require_all_proofs();
    const auto generation = require(support::RebuildView(both.polygon()).generation());
    REQUIRE(generation);
    REQUIRE(generation->generation == last_generation());
    REQUIRE(generation->verified_at != "");
}

TEST_CASE("replicas that were staged stream without cloning the new leader") {
    const StandGuard guard;
    support::Stand& both = stand();
    std::map<std::string, std::size_t> logs;
    for (const support::PatroniNode& node : both.polygon().nodes())
        logs[node.name()] = require(node.read_log()).size();
    require(both.run_rebuild({"--set", "replicas=staged"}));
    REQUIRE(require(support::RebuildView(both.polygon()).plan())->replicas == etcd::ReplicaSource::staged);
    for (const support::PatroniNode& node : both.polygon().nodes()) {
        INFO(node.name());
        const std::string log = require(node.read_log()).substr(logs[node.name()]);
        // Patroni's own words before and after a clone (patroni/ha.py, patroni/postgresql/__init__.py), a
        // reinitialisation included.
        for (const char* words :
             {"trying to bootstrap from leader", "bootstrapped from leader", "Removing data directory"})
            REQUIRE(log.find(words) == std::string::npos);
    }
    require_tidy(Previous::removed);
    require_all_proofs();
}

TEST_CASE("a rebuild for a newer backup has nothing to do without one") {
    const StandGuard guard;
    support::Stand& both = stand();
    require(both.take_backup());
    require(both.run_rebuild());
    const std::string before = last_generation();
    const Ended again = run_operator({"run", "--yes", "--if-newer"});
    INFO(again.output);
    REQUIRE(again.status == exit_status(Errc::nothing_to_do));
    REQUIRE(last_generation() == before);
    require(both.polygon().check_health());

    require(both.take_backup());
    require(both.run_rebuild({"--if-newer"}));
    REQUIRE(last_generation() != before);
    require_all_proofs();
}

TEST_CASE("a polygon that was kept comes back by a rollback after the rebuild was done") {
    const StandGuard guard;
    support::Stand& both = stand();
    require(both.polygon().stop_nodes());
    require(both.configure_polygon("  staging:\n    previous: keep\n"));
    require(both.polygon().start_nodes());
    require(both.wait_for_polygon());
    leave_mark("kept");
    const std::string identifier = system_identifier();
    require(both.run_rebuild());
    require_tidy(Previous::kept);
    require(support::prove_contents(both));
    REQUIRE(system_identifier() != identifier);

    const Ended back = run_operator({"rollback"});
    INFO(back.output);
    REQUIRE(back.status == 0);
    require(both.wait_for_polygon());
    REQUIRE(system_identifier() == identifier);
    require_mark("kept");
    require_tidy(Previous::removed);

    require(both.polygon().stop_nodes());
    require(both.configure_polygon(""));
    require(both.polygon().start_nodes());
    require(both.wait_for_polygon());
    require_mark("kept");
}

TEST_CASE("plan, status and history say what will be, is and was done") {
    const StandGuard guard;
    support::Stand& both = stand();
    const std::string before = last_generation();
    const Ended plan = run_operator({"plan"});
    INFO(plan.output);
    REQUIRE(plan.status == 0);
    for (const char* member : {"polygon1", "polygon2", "polygon3"})
        REQUIRE_THAT(plan.output, ContainsText(member));
    REQUIRE_THAT(plan.output, ContainsText(both.backup().filename().string()));
    REQUIRE(last_generation() == before);
    require(both.polygon().check_health());

    support::OperatorCommand command = require(both.start_rebuild());
    require(wait_for_phase(before, Phase::stage));
    const Ended during = run_operator({"status"});
    INFO(during.output);
    REQUIRE(during.status == 0);
    REQUIRE_THAT(during.output, ContainsText(last_generation()));
    REQUIRE(end_of(command).status == 0);
    require(both.wait_for_polygon());

    const Ended history = run_operator({"history"});
    INFO(history.output);
    REQUIRE(history.status == 0);
    REQUIRE_THAT(history.output, ContainsText(last_generation()));
    const auto records = require(support::RebuildView(both.polygon()).history());
    REQUIRE(records.back().generation == last_generation());
    REQUIRE(records.back().outcome == "done");
    REQUIRE(records.back().seconds.contains("stage"));
    require_tidy(Previous::removed);
}

TEST_CASE("another leader during the stage changes nothing in its outcome") {
    const StandGuard guard;
    support::Stand& both = stand();
    const std::string before = last_generation();
    support::OperatorCommand command = require(both.start_rebuild());
    require(wait_for_phase(before, Phase::stage));
    require(both.polygon().switch_over_to(both.polygon().replicas().front()->name()));
    const Ended ended = end_of(command);
    INFO(ended.output);
    REQUIRE(ended.status == 0);
    require(both.wait_for_polygon());
    require_tidy(Previous::removed);
    require_all_proofs();
}

TEST_CASE("a rebuild whose backup is replaced under way leaves the polygon as it was") {
    const StandGuard guard;
    support::Stand& both = stand();
    leave_mark("before the backup was replaced");
    const std::string identifier = system_identifier();
    const std::filesystem::path planned = both.backup();
    // A younger one, out of sight until it takes the planned one's place.
    require(both.take_backup());
    const std::filesystem::path younger = both.workspace().path() / "younger";
    std::filesystem::rename(both.backup(), younger);
    const std::string before = last_generation();
    support::OperatorCommand command = require(both.start_rebuild());
    require(wait_for_phase(before, Phase::stage));
    std::filesystem::rename(planned, both.workspace().path() / "older");
    std::filesystem::rename(younger, planned);
    const Ended ended = end_of(command);
    INFO(ended.output);
    REQUIRE(ended.status == exit_status(Errc::rolled_back));
    REQUIRE_THAT(ended.output, ContainsText("was replaced"));
    require(both.polygon().check_health());
    REQUIRE(system_identifier() == identifier);
    require_mark("before the backup was replaced");
    require_tidy(Previous::removed);
    std::filesystem::rename(planned, both.backup());
}

}  // namespace
}  // namespace polygon::e2e
