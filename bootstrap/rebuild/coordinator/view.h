// A rebuild as the coordinator sees it at one moment: plain values, from which next_move.h decides.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "bootstrap/rebuild/coordinator/follower.h"
#include "common/etcd/rebuild_state.h"
#include "common/patroni/cluster.h"

namespace polygon::rebuild {

// What somebody asked of the rebuild while it runs; the stronger is the greater.
enum class Order { none, abort, rollback };

// Whether something has moved within the coordinator's patience.
enum class Progress { moving, stalled };

// The certificate that the coordinator has written, in phase `verify`.
struct Certified {
    std::string verified_at;
    bool is_overdue = false;  // the leader has had its time to keep it
};

struct View {
    etcd::Plan plan;
    etcd::PhaseRecord phase;
    std::map<std::string, etcd::NodeRecord> nodes;  // of agents that live, by member
    patroni::ClusterKeys cluster;
    std::optional<std::string> proven;  // the generation that a leader has proven last
    Progress progress = Progress::moving;
    Order order = Order::none;
    std::optional<Certified> certified;
};

// What the nodes prove of the generation in this phase.
Reported reported(const View& view);

// The agent's record of a member; null if it is gone.
const etcd::NodeRecord* find_node(const View& view, const std::string& member);

// Patroni's key of the member says that PostgreSQL runs.
bool is_running(const patroni::ClusterKeys& cluster, const std::string& member);

// A member of the cluster that the plan does not name; nothing if there is none. Nobody stops it: it would go on
// serving beside the new polygon.
std::optional<std::string> find_stranger(const View& view);

// Whether all that rollback needs is still there: not for a rebuild in place that has begun to wipe, nor after `done`
// once a node has given up the data of before.
bool has_way_back(const View& view);

// Of a failure that somebody has to look at: an agent's answer to this attempt. The failed copies of replicas are none.
bool has_failed_answer(const View& view);

}  // namespace polygon::rebuild
