#include "bootstrap/entrypoint/guard/guard.h"

#include <fmt/format.h>

namespace polygon::entrypoint {
namespace {

bool is_planned(const ClusterSeen& cluster) {
    return cluster.plan && cluster.plan->mode == etcd::Mode::reset &&
           (!cluster.proven || cluster.proven->generation != cluster.plan->generation);
}

bool has_other_live_leader(const std::string& member, const ClusterSeen& cluster) {
    return cluster.is_leader_live && cluster.leader != member;
}

std::string wait_for_leader(const std::string& reason, const ClusterSeen& cluster) {
    if (cluster.leader.empty()) return reason + "; waiting for a live leader";
    return fmt::format("{}; {} holds the leader key, but its REST interface does not say that it runs", reason,
                       cluster.leader);
}

// Replacing what is there: an unfinished restore is removed, anything else is set aside; a running server forbids both.
// What is set aside is never replaced by something less complete.
Decision replace_data(const DataSeen& data, const std::string& reason) {
    if (data.state == DataState::empty) return {Action::start, reason};
    if (data.has_running_server) {
        return {Action::wait, "PostgreSQL still runs on the data directory; stop it. " + reason};
    }
    if (data.state == DataState::half) return {Action::remove_half, reason};
    if (data.may_replace_previous) return {Action::set_aside, reason};
    if (data.is_partial_copy) return {Action::remove_half, "a base backup that did not end is there. " + reason};
    return {Action::wait,
            "the data directory is less complete than what is set aside already, and does not replace it; look at both "
            "and remove one. " +
                reason};
}

// `initialize` is "": somebody bootstraps, or died while he did.
Decision decide_on_empty_initialize(const std::string& member, const ClusterSeen& cluster) {
    if (cluster.someone_bootstraps) return {Action::wait, "another member is bootstrapping"};
    if (is_planned(cluster)) {
        if (cluster.plan->leader != member) {
            return {Action::wait,
                    fmt::format("generation {} is to be led by {}", cluster.plan->generation, cluster.plan->leader)};
        }
        return {Action::clear_initialize, "a bootstrap of this member did not end"};
    }
    if (cluster.initialize_unchanged < cluster.initialize_patience) {
        return {Action::wait, "the key initialize is empty: somebody may be bootstrapping"};
    }
    return {Action::clear_initialize, "the key initialize is empty and nobody bootstraps"};
}

Decision decide_as_planned_leader(const DataSeen& data, const ClusterSeen& cluster) {
    const etcd::Plan& plan = *cluster.plan;
    if (data.state == DataState::complete && data.generation == plan.generation) {
        return {Action::start, fmt::format("the data directory carries the planned generation {}", plan.generation)};
    }
    if (cluster.initialize) {
        return {Action::wait, fmt::format("generation {} is planned, but the cluster was initialized as {} since; run "
                                          "polygon-rebuild reset again",
                                          plan.generation, *cluster.initialize)};
    }
    return replace_data(data, fmt::format("this member is to lead generation {}", plan.generation));
}

Decision decide_as_planned_replica(const ClusterSeen& cluster) {
    return {Action::wait,
            fmt::format("waiting for {} to lead generation {}", cluster.plan->leader, cluster.plan->generation)};
}

// Nothing on disk. In a cluster that is not initialized an empty node would bootstrap: where a generation was proven,
// that is for its leader alone, which may have the data.
Decision decide_on_empty_data(const std::string& member, const ClusterSeen& cluster) {
    if (cluster.proven && !cluster.initialize && cluster.proven->leader != member) {
        return {Action::wait, fmt::format("generation {} was led by {}: waiting for it, or for polygon-rebuild reset",
                                          cluster.proven->generation, cluster.proven->leader)};
    }
    return {Action::start, "the data directory is empty"};
}

// Against the generation that a leader has proven.
Decision decide_by_generation(const std::string& member, const DataSeen& data, const ClusterSeen& cluster) {
    const etcd::Generation& proven = *cluster.proven;
    const bool is_same_identifier =
        !cluster.initialize || *cluster.initialize == std::to_string(data.system_identifier);
    if (data.state == DataState::complete && data.generation == proven.generation && is_same_identifier) {
        return {Action::start, fmt::format("generation {}, the cluster's", proven.generation)};
    }
    const std::string reason =
        data.state == DataState::half
            ? std::string("what is there is an unfinished restore")
            : fmt::format("the data directory carries generation '{}' (system identifier {}), the cluster {} ({})",
                          data.generation, data.system_identifier, proven.generation,
                          cluster.initialize.value_or("none"));
    if (has_other_live_leader(member, cluster))
        return replace_data(data, fmt::format("{}; {} leads", reason, cluster.leader));
    if (data.state == DataState::half && !cluster.initialize) return replace_data(data, reason);
    return {Action::wait, wait_for_leader(reason, cluster)};
}

// A cluster that was never rebuilt: Patroni's own guard, but without its exit.
Decision decide_by_identifier(const std::string& member, const DataSeen& data, const ClusterSeen& cluster) {
    if (data.state == DataState::half) return replace_data(data, "what is there is an unfinished restore");
    if (!cluster.initialize) return {Action::start, "the cluster is not initialized"};
    if (*cluster.initialize == std::to_string(data.system_identifier)) {
        return {Action::start, "the cluster's system identifier"};
    }
    const std::string reason = fmt::format("the data directory's system identifier is {}, the cluster's {}",
                                           data.system_identifier, *cluster.initialize);
    if (has_other_live_leader(member, cluster))
        return replace_data(data, fmt::format("{}; {} leads", reason, cluster.leader));
    return {Action::wait, wait_for_leader(reason, cluster)};
}

}  // namespace

std::string_view to_text(Action action) {
    switch (action) {
        case Action::start:
            return "start";
        case Action::remove_half:
            return "remove the unfinished restore";
        case Action::set_aside:
            return "set the data directory aside";
        case Action::clear_initialize:
            return "clear the key initialize";
        case Action::wait:
            return "wait";
    }
    return "wait";
}

Decision decide(const std::string& member, const DataSeen& data, const ClusterSeen& cluster) {
    if (!data.unreadable.empty())
        return {Action::wait, "what the data directory is cannot be read: " + data.unreadable};
    if (cluster.initialize && cluster.initialize->empty()) return decide_on_empty_initialize(member, cluster);
    if (is_planned(cluster)) {
        return cluster.plan->leader == member ? decide_as_planned_leader(data, cluster)
                                              : decide_as_planned_replica(cluster);
    }
    if (data.state == DataState::empty) return decide_on_empty_data(member, cluster);
    if (cluster.proven) return decide_by_generation(member, data, cluster);
    return decide_by_identifier(member, data, cluster);
}

}  // namespace polygon::entrypoint
