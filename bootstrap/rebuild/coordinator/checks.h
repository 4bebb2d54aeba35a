// Whether a rebuild may begin, and who leads it: pure functions over a Survey. A refusal is Errc::refused; it names the
// object and what to do.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/survey.h"
#include "common/base/result.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::rebuild {

struct Wanted {
    std::optional<std::string> leader;
    etcd::Mode mode = etcd::Mode::staged;
    etcd::ReplicaSource replicas = etcd::ReplicaSource::leader;
};

// Before the nodes are asked: the cluster has a leader and is neither paused nor a standby cluster; each of its members
// runs an agent, and each agent is a member's.
Status check_cluster(const Survey& survey);

// The one that was asked for; else a member that does not lead now and could read the backup, so that the one that
// leads has nothing else to do while the clone is staged; else the leader. Never one that is tagged nofailover.
Result<std::string> choose_leader(const Survey& survey, const Wanted& wanted);

// After they have answered: the backup is readable where it is restored, the programs are of one major version, and
// every node has room.
Status check_nodes(const Survey& survey, const Wanted& wanted, const std::string& leader);

// What does not stand in the way, but should be known.
std::vector<std::string> find_warnings(const Survey& survey, const Wanted& wanted, const std::string& leader);

// What a member other than the leader needs for its clone, where its data directory is. In place that goes first;
// without a report nobody knows how much it is.
bool has_room_for(const Surveyed& surveyed, const etcd::PlannedBackup& backup, etcd::Mode mode);

// Errc::nothing_to_do if the polygon carries this backup already. A source that is no directory has no label to go by:
// it is always newer.
Status check_newer(const std::optional<etcd::Generation>& proven, const etcd::PlannedBackup& backup);

}  // namespace polygon::rebuild
