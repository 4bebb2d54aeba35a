// The clone runs for the first time, where nobody can reach it, and comes out as the polygon's own.
#pragma once

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// Recovers the staged clone to the end of the backup on a timeline of its own, gives roles the polygon's passwords,
// cuts what ties it to production, runs the user's SQL (the phase "mask"), shuts it down cleanly and gives it a new
// system identifier (unless `keep`). Fills in what the marker says of it. Errors: role_missing, database, connection,
// configuration (SQL for a database that is not there), process_failed, timeout, not_proven.
Status quarantine(const Plan& plan, postgres::GenerationMarker& marker, Progress& progress, Clock& clock);

// Errc::data_directory_invalid unless the last server on it was a primary that came to its end.
Status require_clean_shutdown(const postgres::Path& data_directory);

}  // namespace polygon::bootstrap
