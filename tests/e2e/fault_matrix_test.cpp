// Whatever befalls a rebuild, and whenever: the polygon is the new one, verified, or the one before it, whole.
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

TEST_CASE("a rebuild that something befalls ends with the new polygon or the one before it") {
    run_cases(chosen(diagonal()));
}

TEST_CASE("every fault in every phase of a rebuild ends with the new polygon or the one before it", "[.][matrix]") {
    run_cases(chosen(whole_matrix()));
}

}  // namespace
}  // namespace polygon::e2e
