// `polygon-bootstrap stage`: the clone of a rebuild is made beside the polygon that runs.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

// Under an active rebuild in phase stage. On its leader exactly the planned backup is restored into the staged
// directory, quarantined and sealed; a clone of this generation that is whole already is kept. On the other members
// room is made. The data directory is not touched. With a rebuild in place the backup is verified and nothing staged.
// Gives the exit status. Errors: conflict (no such phase, another backup by now), no_space,
// data_directory_invalid (a place that could not be renamed once the polygon has stopped), those of make_plan() and of
// the bootstrap itself.
Result<int> stage(const Request& request, Clock& clock);

}  // namespace polygon::bootstrap
