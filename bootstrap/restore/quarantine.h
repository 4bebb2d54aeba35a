// The clone runs for the first time, where nobody can reach it, and comes out as the polygon's own.
#pragma once

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"
#include "common/process/isolation.h"

namespace polygon::bootstrap {

// Recovers the staged clone to the end of the backup on a timeline of its own, gives roles the polygon's passwords,
// cuts what ties it to production, runs the user's SQL (the phase "mask"), shuts it down cleanly and gives it a new
// system identifier (unless `keep`). Fills in what the marker says of it. Errors: role_missing, database, connection,
// configuration (SQL for a database that is not there), process_failed, timeout, not_proven.
Status quarantine(const Plan& plan, postgres::GenerationMarker& marker, Progress& progress, Clock& clock);

// How the quarantine is cut off from the network here; none under `preferred` alone, with a warning. Errc::unsupported,
// with what the kernel answered, where neither the server nor this process's own sessions can be.
Result<process::Isolation> choose_isolation(const patroni::QuarantineSettings& settings);

// Errc::data_directory_invalid unless the last server on it was a primary that came to its end.
Status require_clean_shutdown(const postgres::Path& data_directory);

}  // namespace polygon::bootstrap
