// polygon-rebuild reset: what editing `initialize` by hand was for, and all that by hand is forgotten.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::rebuild {

struct ResetRequest {
    patroni::ConfigurationSources sources;
    patroni::Overrides overrides;
    std::string leader;
    bool is_dry_run = false;
    bool is_new_member = false;  // the leader may be one that the cluster has never had
};

// With every node stopped: saves and deletes the cluster's keys but `config` (also a stale, empty `initialize`) and
// names the generation and its leader for the guards, in one transaction. Members that have stopped but whose keys
// have not yet expired are waited for. A pause is taken out of `config`: under it Patroni would not bootstrap.
// It holds the coordinator's lock, and ends a rebuild that was under way without one.
// Errors, with nothing changed: usage (a leader that is no member), cluster_alive, scope_unknown, conflict
// (also: somebody coordinates a rebuild),
// etcd_unavailable, configuration (also for a configuration without a polygon section: production's must not be reset
// by mistake). A repeat plans a new generation, which the nodes then follow.
Status reset(const ResetRequest& request, Clock& clock);

}  // namespace polygon::rebuild
