// `polygon-bootstrap copy`: a replica's data directory, out of the leader's staged clone, while the polygon still runs.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/sources/data_source.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/configuration.h"
#include "common/postgres/connection.h"

namespace polygon::bootstrap {

// How the staged leader at "host:port" is reached: with what Patroni's replication role would use besides the password.
// Errc::configuration for an address without a port, and for a secret that would be seen in ps.
Result<postgres::Conninfo> staged_leader_conninfo(const std::string& address, const patroni::Credentials& replication,
                                                  const Secret& password);

// Where the tablespaces of a staged leader go here: to the same place, if polygon.tablespaces names it for this node,
// else where it says that this place is to be. Errc::configuration for one without a place.
Result<std::map<std::string, LiveTablespace>> place_staged_tablespaces(const postgres::Rows& oids_and_locations,
                                                                       const patroni::TextMap& tablespaces);

// Under an active rebuild in phase copy, on a member that does not lead it: copies what `request.from` serves into the
// staged directory, verifies it by its manifest as it arrives, replays it until it is consistent, and seals it. What an
// interrupted copy left is removed first; on failure nothing is left. Errors: conflict (no such phase, another
// generation is served), connection, configuration, process_failed, backup_corrupt, no_space.
Status copy(const Request& request, Clock& clock);

}  // namespace polygon::bootstrap
