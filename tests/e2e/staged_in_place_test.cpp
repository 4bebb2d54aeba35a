#include <filesystem>

#include "tests/e2e/staged_rebuild.h"

namespace polygon::e2e {
namespace {

using etcd::Phase;

// What the last rebuild was, by its history.
void require_in_place(const std::string& outcome) {
    const auto records = require(support::RebuildView(stand().polygon()).history());
    REQUIRE(records.back().generation == last_generation());
    REQUIRE(records.back().mode == "in-place");
    REQUIRE(records.back().outcome == outcome);
    const Ended history = run_operator({"history"});
    INFO(history.output);
    REQUIRE_THAT(history.output, ContainsText("in-place"));
}

TEST_CASE("a rebuild in place makes the polygon production's copy, and nothing is set aside for a way back") {
    const StandGuard guard;
    support::Stand& both = stand();
    leave_mark("before the rebuild in place");
    const std::string before = last_generation();
    support::OperatorCommand command = require(both.start_rebuild({"--in-place"}));
    require(wait_for_phase(before, Phase::bootstrap));
    const Ended during = run_operator({"status", "--json"});
    INFO(during.output);
    REQUIRE(during.status == 0);
    REQUIRE_THAT(during.output, ContainsText("\"mode\": \"in-place\""));
    const Ended back = run_operator({"rollback"});
    INFO(back.output);
    REQUIRE(back.status == exit_status(Errc::refused));
    const Ended ended = end_of(command);
    INFO(ended.output);
    REQUIRE(ended.status == 0);
    require(both.wait_for_polygon());
    require_tidy(Previous::removed);
    require_all_proofs();
    require_in_place("done");
    REQUIRE(run_operator({"rollback"}).status == exit_status(Errc::refused));
}

TEST_CASE("a rebuild in place whose backup disappears after the polygon was stopped goes on when it is back") {
    const StandGuard guard;
    support::Stand& both = stand();
    const std::filesystem::path away = both.workspace().path() / "away";
    const std::string before = last_generation();
    support::OperatorCommand command = require(both.start_rebuild({"--in-place"}));
    require(wait_for_phase(before, Phase::stop));
    std::filesystem::rename(both.backup(), away);
    const Ended stuck = end_of(command);
    INFO(stuck.output);
    REQUIRE(stuck.status == exit_status(Errc::needs_person));
    REQUIRE_THAT(stuck.output, ContainsText(both.backup().string()));
    const auto phase = require(support::RebuildView(both.polygon()).phase());
    REQUIRE(phase->phase == Phase::bootstrap);

    std::filesystem::rename(away, both.backup());
    const Ended resumed = run_operator({"resume"});
    INFO(resumed.output);
    REQUIRE(resumed.status == 0);
    require(both.wait_for_polygon());
    require_tidy(Previous::removed);
    require_all_proofs();
    require_in_place("done");
}

}  // namespace
}  // namespace polygon::e2e
