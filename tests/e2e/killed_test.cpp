#include <chrono>
#include <filesystem>

#include "common/process/environment.h"
#include "tests/e2e/stand_fixture.h"
#include "tests/support/processes.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

Status check_nothing_runs(const support::PatroniNode& node) {
    std::string left;
    for (const pid_t pid : support::processes_in(node.directory())) {
        const auto arguments = process::read_command_line(pid);
        left += arguments && !arguments->empty() ? arguments->front() + " " : std::to_string(pid) + " ";
    }
    if (left.empty()) return {};
    return Error{Errc::not_proven, "still running: " + left};
}

// Begins a rebuild, kills polygon1's Patroni as soon as `sign` is there, and asks for everything else.
void kill_and_recover(const std::filesystem::path& sign) {
    support::Stand& both = stand();
    support::PatroniNode& leader = both.polygon().node("polygon1");
    require(both.stop_polygon());
    require(both.reset("polygon1"));
    require(both.start_polygon(support::SystemIdentifier::fresh));
    require(support::wait_for(sign.string(), 120s, [&]() -> Status {
        if (std::filesystem::exists(leader.directory() / sign)) return {};
        return Error{Errc::not_proven, "not there yet"};
    }));
    leader.kill_patroni();

    // Helper and quarantine go with it, by their parent-death signals.
    require(support::wait_for("end of the helper", 60s, [&] { return check_nothing_runs(leader); }));
    REQUIRE_FALSE(std::filesystem::exists(leader.data_directory() / "global/pg_control"));
    REQUIRE(std::filesystem::exists(leader.directory() / "data.previous/global/pg_control"));
    // Empty, which would keep every empty node waiting for ever (patroni-contract.md), or cleared by a guard already.
    REQUIRE(require(both.polygon().etcd().get("/service/polygon/initialize")).value_or("") == "");

    require(both.polygon().stop_nodes());
    require(both.reset("polygon1"));
    require(both.start_polygon(support::SystemIdentifier::fresh));
    require(both.wait_for_polygon());
    require_all_proofs();
}

TEST_CASE("a Patroni killed during the restore leaves nothing that starts, and a reset recovers") {
    const StandGuard guard;
    kill_and_recover("data.staged");
}

TEST_CASE("a Patroni killed during the quarantine takes its server along, and a reset recovers") {
    const StandGuard guard;
    kill_and_recover("data.staged/postmaster.pid");
}

}  // namespace
}  // namespace polygon::e2e
