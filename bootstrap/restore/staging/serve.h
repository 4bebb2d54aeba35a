// `polygon-bootstrap serve`: the leader's staged clone is there for the replicas to copy, while the polygon still runs.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

// Under an active rebuild in phase copy, on its leader: starts the sealed clone as a primary whose one way in is the
// replication protocol with the one-time role, tells the address in the status file, and goes on until SIGTERM (or the
// end of the process that called). Then the role is dropped, the server shut down cleanly and the clone sealed anew.
// Killed, it leaves a clone that nobody takes for whole; the next call makes up for it. Errors: conflict,
// configuration, process_failed, connection, database.
Status serve(const Request& request, Clock& clock);

}  // namespace polygon::bootstrap
