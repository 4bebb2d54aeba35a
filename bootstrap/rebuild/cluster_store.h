// The cluster as etcd has it: one consistent read, and the transaction that clears it.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/patroni/cluster.h"
#include "common/patroni/configuration.h"

namespace polygon::rebuild {

struct StoredCluster {
    std::string prefix;                   // "/service/main/"
    std::vector<etcd::KeyValue> entries;  // all beneath it
    patroni::ClusterKeys keys;            // the same, understood
};

class ClusterStore {
  public:
    explicit ClusterStore(const patroni::Configuration& configuration);

    // Errc::scope_unknown if etcd holds nothing beneath the prefix.
    Result<StoredCluster> read();

    // The keys that a reset deletes: all but `config`.
    static std::vector<etcd::KeyValue> to_delete(const StoredCluster& cluster);

    // One transaction: if there is no leader and no member, and every key to delete is as it was read, saves them under
    // saved/<generation>/, deletes them and writes the plan. Errc::conflict if anything has changed meanwhile.
    Status replace_by_plan(const StoredCluster& cluster, const std::vector<etcd::KeyValue>& members,
                           const etcd::Plan& plan);

    Result<std::optional<etcd::Generation>> read_generation();
    Status store_certificate(const std::string& json);

    etcd::Client& client() { return client_; }
    const etcd::RebuildKeys& keys() const { return keys_; }

  private:
    const patroni::Configuration& configuration_;
    etcd::RebuildKeys keys_;
    etcd::Client client_;
};

}  // namespace polygon::rebuild
