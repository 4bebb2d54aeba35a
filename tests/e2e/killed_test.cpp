#include <chrono>
#include <filesystem>

#include "common/process/environment.h"
#include "tests/e2e/stand_fixture.h"
#include "tests/support/processes.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

// The restore is under way: polygon-bootstrap runs and its directory is there.
Status check_restoring(const support::PatroniNode& node) {
    if (std::filesystem::exists(node.directory() / "data.staged")) return {};
    return Error{Errc::not_proven, "no data.staged yet"};
}

Status check_nothing_runs(const support::PatroniNode& node) {
    std::string left;
    for (const pid_t pid : support::processes_in(node.directory())) {
        const auto arguments = process::read_command_line(pid);
        left += arguments && !arguments->empty() ? arguments->front() + " " : std::to_string(pid) + " ";
    }
    if (left.empty()) return {};
    return Error{Errc::not_proven, "still running: " + left};
}

TEST_CASE("a Patroni killed during the bootstrap leaves nothing that starts, and a reset recovers") {
    const StandGuard guard;
    support::Stand& both = stand();
    support::PatroniNode& leader = both.polygon().node("polygon1");
    require(both.stop_polygon());
    require(both.reset("polygon1"));
    require(both.start_polygon(support::SystemIdentifier::fresh));
    require(support::wait_for("restore", 120s, [&] { return check_restoring(leader); }));
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

}  // namespace
}  // namespace polygon::e2e
