// What the nodes said when they were asked, before anything has changed: pure values.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "common/etcd/rebuild_state.h"
#include "common/patroni/cluster.h"

namespace polygon::rebuild {

struct FileSystemSpace {
    std::string path;
    std::uint64_t needed_bytes = 0;
    std::uint64_t free_bytes = 0;  // with what the stage removes first
};

// What is read from the JSON of `polygon-bootstrap plan --json`.
struct NodeReport {
    etcd::PlannedBackup backup;  // empty where the source is no directory
    std::string description;     // of such a source
    std::uint64_t wal_bytes = 0;
    std::uint64_t occupied_bytes = 0;     // by its data directory: what wiping it gives back
    std::uint64_t reclaimable_bytes = 0;  // what the stage removes first: an earlier rebuild's D.previous, D.failed
    std::vector<FileSystemSpace> space;
    bool has_unplaced_tablespace = false;  // one that production has and the configuration knows no place for
    std::vector<std::pair<std::string, std::string>> disarmed;  // "subscriptions" -> "drop"
};

// Nothing if it is not what polygon-bootstrap writes.
std::optional<NodeReport> parse_report(const std::string& text);

// What a member's agent said.
struct Surveyed {
    etcd::NodeRecord node;
    std::optional<NodeReport> report;
    std::optional<etcd::NodeProof> proof;  // of the logins and looks that the end of a rebuild takes
    std::string error;                     // why there is no report, or what stands in the way although there is one
};

struct Survey {
    patroni::ClusterKeys cluster;
    bool is_standby_cluster = false;
    std::map<std::string, Surveyed> nodes;  // by member, of agents that live
};

// The reports count only if they answer the request `id`.
Survey make_survey(const Situation& situation, const std::string& id);

// Members whose agents have not answered the request yet.
std::vector<std::string> still_asked(const Situation& situation, const std::string& id);

}  // namespace polygon::rebuild
