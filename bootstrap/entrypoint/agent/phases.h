// The phases of a rebuild, one function each. Not for other folders: next_task() is the whole.
#pragma once

#include "bootstrap/entrypoint/agent/next_task.h"

namespace polygon::entrypoint {

struct PhaseView {
    const etcd::Plan& plan;
    const etcd::PhaseRecord& phase;
    const NodeSeen& seen;

    bool is_leader() const { return plan.leader == seen.name; }
    // D is whole, and a leader has proven it.
    bool has_new_data() const {
        return seen.disk.data.state == DataState::complete && seen.disk.data.generation == plan.generation;
    }
    bool is_patroni_there() const {
        return seen.patroni.state == PatroniState::running || seen.patroni.state == PatroniState::stopping;
    }
    // The helper of this very attempt; nullptr: none.
    const HelperSeen* helper(HelperKind kind) const {
        const bool is_it = seen.helper && seen.helper->kind == kind && seen.helper->attempt == attempt_of(phase);
        return is_it ? &*seen.helper : nullptr;
    }
};

Step working(Task task, std::string reason);
Step done(std::string reason);
Step failed(std::string reason);

// Forward, the polygon serving.
Step in_stage(const PhaseView& view);
Step in_copy(const PhaseView& view);
// Forward, out of service.
Step in_stop(const PhaseView& view);
Step stay_stopped(const PhaseView& view);
Step in_bootstrap(const PhaseView& view);
Step in_replicas(const PhaseView& view);
// Backward.
Step in_restore(const PhaseView& view);

}  // namespace polygon::entrypoint
