// The logins that this node will need on the new polygon, tried on the one that runs.
#pragma once

#include <string>
#include <vector>

#include "common/etcd/node_proof.h"
#include "common/patroni/cluster.h"
#include "common/patroni/configuration.h"
#include "common/patroni/local_connection.h"

namespace polygon::bootstrap {

// From here to every member's address, this one's own too: replication as a standby opens it, and rewind where it is
// configured. All at once, each for a few seconds at most.
std::vector<etcd::Login> try_logins(const patroni::Configuration& configuration, const patroni::ClusterKeys& cluster);

// The superuser's, by Patroni's own way, to one database; `error` as it was seen.
etcd::Login local_login(const patroni::Configuration& configuration, const patroni::LocalConnection& local,
                        const std::string& database, const std::string& error);

}  // namespace polygon::bootstrap
