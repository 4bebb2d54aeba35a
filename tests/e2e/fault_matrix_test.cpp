// Whatever befalls a rebuild, and whenever: the polygon is the new one, verified, or the one before it, whole.
#include <chrono>
#include <cstdio>
#include <cstdlib>

#include <fmt/format.h>

#include "tests/e2e/fault_case.h"
#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

void print(const std::string& line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

std::string row(const FaultCase& fault_case, const Result<CaseResult>& result) {
    const std::string begin = fmt::format("{:66}", describe(fault_case));
    if (!result) return fmt::format("{} FAILED: {}", begin, result.error().message);
    return fmt::format("{} {:4} {:6.1f} s, {:5.1f} s of them without writes; {}", begin, result->outcome,
                       result->seconds, result->outage, result->note);
}

// Goes on behind a failure while the polygon is healthy.
void run_cases(const std::vector<FaultCase>& cases) {
    const StandGuard guard;
    support::Stand& both = stand();
    std::string failures;
    int number = 0;
    for (const FaultCase& fault_case : cases) {
        const Result<CaseResult> result = run_case(both, fault_case);
        print(fmt::format("{:3}/{} {}", ++number, cases.size(), row(fault_case, result)));
        if (result) continue;
        failures += row(fault_case, result) + "\n";
        if (const Status healthy = both.wait_for_polygon(); !healthy) {
            failures += "and the polygon is not healthy: " + healthy.error().message + "\n";
            break;
        }
    }
    INFO(failures);
    REQUIRE(failures.empty());
}

// Cases whose description has this text: one phase, or one fault, while something is looked for.
std::vector<FaultCase> chosen(std::vector<FaultCase> cases) {
    const char* const wanted = std::getenv("POLYGON_FAULTS");
    if (wanted == nullptr) return cases;
    std::erase_if(cases, [&](const FaultCase& one) { return describe(one).find(wanted) == std::string::npos; });
    return cases;
}

#ifndef POLYGON_SANITIZED
TEST_CASE("a node whose disk is full says so, and goes on once there is room") {
    const StandGuard guard;
    support::Stand& both = stand();
    support::PatroniNode& node = *both.polygon().replicas().front();
    const std::size_t log_before = require(node.read_log()).size();
    const support::Fault full = require(support::find_fault("replica's disk full for 20 s"));
    support::OperatorCommand none = require(both.start_operator({"--version"}));
    const support::Scene scene = {both, none, node, node};
    require(full.strike(scene));
    support::Database thai = require(both.polygon().connect_to_leader("thai"));
    require(thai.run("SELECT pg_logical_emit_message(true, 'stand', 'more'), pg_switch_wal()"));
    require(support::wait_for("message of a full disk", std::chrono::seconds(60), [&]() -> Status {
        // What it writes next: WAL that it receives, or a checkpoint's pages.
        TRY(thai.run("SELECT pg_switch_wal()"));
        const std::string log = TRY(node.read_log()).substr(log_before);
        return log.find("No space left on device") != std::string::npos ? Status()
                                                                        : Status(Error{Errc::not_proven, "none"});
    }));
    require(full.mend(scene));
    require(both.wait_for_polygon());
}
#endif

TEST_CASE("a rebuild that something befalls ends with the new polygon or the one before it") {
    run_cases(chosen(diagonal()));
}

TEST_CASE("every fault in every phase of a rebuild ends with the new polygon or the one before it", "[.][matrix]") {
    run_cases(chosen(whole_matrix()));
}

}  // namespace
}  // namespace polygon::e2e
