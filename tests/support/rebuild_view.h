// What coordinator and agents of a cluster's rebuild have written to etcd, asked anew at each call.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "tests/support/cluster.h"

namespace polygon::support {

class RebuildView {
  public:
    explicit RebuildView(Cluster& cluster);

    // Nothing where there is no such key.
    Result<std::optional<etcd::Plan>> plan();
    Result<std::optional<etcd::PhaseRecord>> phase();
    Result<std::optional<etcd::Generation>> generation();
    // By member.
    Result<std::map<std::string, etcd::NodeRecord>> nodes();
    Result<std::optional<std::string>> value(const std::string& key);
    // Patroni's own.
    Result<std::string> initialize();
    // Of every history record.
    Result<std::vector<etcd::HistoryRecord>> history();

    const etcd::RebuildKeys& keys() const { return keys_; }
    // All that pg-polygon keeps of this cluster goes, as if it had never been rebuilt by it.
    Status forget();

  private:
    std::string cluster_prefix_;
    etcd::RebuildKeys keys_;
    etcd::Client client_;
};

}  // namespace polygon::support
