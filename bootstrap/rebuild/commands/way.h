// polygon-rebuild resume, abort and rollback: what becomes of a rebuild that was begun.
#pragma once

#include "bootstrap/rebuild/commands/coordinate.h"

namespace polygon::rebuild {

// Goes on with a rebuild that nobody coordinates, forward or back as it was; agents that had failed try again. The exit
// status and errors are those of run(); Errc::refused if there is none.
Result<int> resume(const Request& request, Clock& clock);

// Goes back from a rebuild that has not stopped the polygon yet; Errc::refused later, for which rollback is.
Result<int> abort(const Request& request, Clock& clock);

// Goes back to the polygon before, also after the end while every node keeps its old data. Errc::refused if there is no
// way back. Both ask the coordinator that holds the lock, if there is one, and wait for what comes of it.
Result<int> rollback(const Request& request, Clock& clock);

}  // namespace polygon::rebuild
