// What the coordinator of a rebuild says, in one read.
#pragma once

#include "bootstrap/entrypoint/agent/seen.h"
#include "common/base/result.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"

namespace polygon::entrypoint {

// Errc::conflict, naming the key, for a value that is not understood: nothing is done then.
Result<Orders> parse_orders(const etcd::Snapshot& snapshot, const etcd::RebuildKeys& keys);

// The records of all agents; what is not understood is left out, as if its node were not there.
std::vector<etcd::NodeRecord> parse_records(const etcd::Snapshot& snapshot);

}  // namespace polygon::entrypoint
