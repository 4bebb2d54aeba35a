// The guard: what may be done with the data directory before Patroni starts. A pure function over a snapshot.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/etcd/rebuild_state.h"

namespace polygon::entrypoint {

enum class DataState {
    empty,     // absent, or nothing that Patroni counts
    half,      // a restore, bootstrap, clone or removal that did not end, of a polygon: it has polygon.json or our mark
    fragment,  // nothing can start it, and it does not say whose it is
    complete,  // anything else: a polygon, or data of unknown origin
};

struct DataSeen {
    DataState state = DataState::empty;
    std::string generation;               // of polygon.json; empty: none
    std::uint64_t system_identifier = 0;  // of pg_control; 0: not readable
    bool has_running_server = false;      // a live process holds postmaster.pid
    bool is_startable = true;             // it has what PostgreSQL needs to begin: no fragment, of whatever state
    bool may_replace_previous = true;     // it is at least as complete as what is set aside already
    bool is_partial_copy = false;         // of a fragment: a base backup that did not end; the whole is elsewhere
    // Why pg_control or polygon.json, which are there, cannot be read or understood; empty: they can. Then it is
    // complete and of no identity, and neither started, set aside nor removed on a guess.
    std::string unreadable;
};

struct ClusterSeen {
    std::optional<std::string> initialize;         // "" while somebody bootstraps, or since he died
    std::chrono::seconds initialize_unchanged{0};  // for how long this guard has seen that value
    std::chrono::seconds initialize_patience{30};  // after which a bare "" counts as stale
    std::string leader;                            // holder of the leader key; empty: none
    bool is_leader_live = false;                   // its REST interface says that it runs
    bool someone_bootstraps = false;               // another member's key may say so
    std::optional<etcd::Plan> plan;
    std::optional<etcd::Generation> proven;
};

enum class Action { start, remove_half, set_aside, clear_initialize, wait };

// For the log: "set the data directory aside".
std::string_view to_text(Action action);

struct Decision {
    Action action = Action::wait;
    std::string reason;  // for the log line
};

// `member` is this node's name. After remove_half, set_aside and clear_initialize the guard looks again.
Decision decide(const std::string& member, const DataSeen& data, const ClusterSeen& cluster);

}  // namespace polygon::entrypoint
