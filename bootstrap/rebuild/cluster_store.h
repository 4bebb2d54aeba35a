// The cluster as etcd has it: one consistent read, and the transaction that clears it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/patroni/cluster.h"
#include "common/patroni/configuration.h"

namespace polygon::rebuild {

struct StoredCluster {
    std::string prefix;                   // "/service/main/"
    std::vector<etcd::KeyValue> entries;  // all beneath it
    std::int64_t revision = 0;            // of etcd when they were read
    patroni::ClusterKeys keys;            // the same, understood
};

struct SavedMember {
    std::string name;
    std::string value;  // of its key
};

// All keys of the cluster, none included.
Result<StoredCluster> read_cluster(etcd::Client& client, const std::string& prefix);

// The keys that a new generation does not take over: all but `config`.
std::vector<etcd::KeyValue> to_delete(const StoredCluster& cluster);
// A value of `config` without its pause; none if it has none.
std::optional<std::string> without_pause(const std::string& config);
// `config` without a pause, under which Patroni would not bootstrap; none if it has none.
std::optional<std::string> unpaused_config(const StoredCluster& cluster);
// Into the transaction: each key is saved under saved/<generation>/, all but `config` are deleted, and a pause is taken
// out of that.
void save_and_delete(const StoredCluster& cluster, const etcd::RebuildKeys& keys, const std::string& generation,
                     etcd::Transaction& transaction);

class ClusterStore {
  public:
    explicit ClusterStore(const patroni::Configuration& configuration);

    // Errc::scope_unknown if etcd holds nothing of this cluster, not even a plan of ours.
    Result<StoredCluster> read();

    // One transaction: if the lock is held, there is no leader and no member, and every key is as it was read, saves
    // them under saved/<generation>/, deletes all but `config`, takes a pause out of that, ends a rebuild that was
    // under way, and writes the plan. `members` are saved as well. Errc::conflict if anything has changed meanwhile.
    Status replace_by_plan(const etcd::Compare& lock_is_mine, const StoredCluster& cluster,
                           const std::vector<SavedMember>& members, const etcd::Plan& plan);

    // The members that the cluster had before the last reset.
    Result<std::vector<SavedMember>> read_saved_members(const std::string& generation);
    Result<std::optional<etcd::Plan>> read_plan();
    Result<std::optional<etcd::PhaseRecord>> read_phase();
    Result<std::optional<etcd::Generation>> read_generation();
    Status store_certificate(const std::string& json);

    const etcd::RebuildKeys& keys() const { return keys_; }

  private:
    const patroni::Configuration& configuration_;
    etcd::RebuildKeys keys_;
    etcd::Client client_;
};

}  // namespace polygon::rebuild
