// What the agents cost while there is nothing to do.
#pragma once

#include <chrono>

#include "common/base/result.h"
#include "tests/support/cluster.h"

namespace polygon::bench {

struct IdleCost {
    double agent_cpu_percent = 0;    // of one core, mean of the nodes
    double agent_rss_mib = 0;        // the largest of the nodes
    double etcd_calls_a_second = 0;  // gRPC calls that etcd has handled, of agents and Patronis together
};

// Over this time, on a cluster that is left alone. Without agents (plain Patroni) the first two stay 0.
Result<IdleCost> measure_idle(support::Cluster& cluster, std::chrono::seconds time);

}  // namespace polygon::bench
