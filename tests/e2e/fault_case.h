// One fault at one point of a rebuild, and what became of the polygon.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "tests/support/faults.h"

namespace polygon::e2e {

struct FaultCase {
    etcd::Phase phase;
    const support::Fault* fault;
    etcd::ReplicaSource replicas;
};

// Of a case that ended as it may: either the new polygon, verified, or the one before it, whole.
struct CaseResult {
    std::string outcome;  // "new", "old"
    std::string note;     // what was struck, and what had to be done by hand
    double outage = 0;    // seconds, as a tester felt it
    double seconds = 0;   // in all
};

// On a healthy polygon, which is healthy again afterwards. Any other outcome than the two is an error.
Result<CaseResult> run_case(support::Stand& stand, const FaultCase& fault_case);

// Every fault in each phase that it means something in.
std::vector<FaultCase> whole_matrix();
// Each phase and each fault once at least, with as few cases as that takes.
std::vector<FaultCase> diagonal();

std::string describe(const FaultCase& fault_case);

}  // namespace polygon::e2e
