// What the coordinator asks the new polygon itself: the certificate, and who streams.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/cluster_store.h"
#include "bootstrap/rebuild/coordinator/view.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/rebuild_state.h"
#include "common/patroni/configuration.h"
#include "common/sanitize/certificate.h"

namespace polygon::rebuild {

// Every check, whether it holds or not; an error only where the leader cannot be asked. `expected`: the members that
// have to be there. Writes one row on the leader (verified_at), waits for it on each replica, and keeps the
// certificate in table polygon.refresh.
Result<sanitize::Certificate> verify_polygon(const patroni::Configuration& configuration, const StoredCluster& cluster,
                                             const std::optional<etcd::Generation>& proven,
                                             const std::vector<std::string>& expected, Clock& clock);

// Of the present leader.
Result<Replication> read_replication(const patroni::Configuration& configuration, const StoredCluster& cluster);

}  // namespace polygon::rebuild
