// The clone runs for the first time, where nobody can reach it, and comes out as the polygon's own.
#pragma once

#include "bootstrap/restore/plan.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// Recovers the staged clone to the end of the backup on a timeline of its own, gives roles the polygon's passwords,
// cuts what ties it to production, shuts it down cleanly and gives it a new system identifier (unless `keep`). Fills in
// what the marker says of it. Errors: role_missing, database, process_failed, timeout, not_proven.
Status quarantine(const Plan& plan, postgres::GenerationMarker& marker, Clock& clock);

}  // namespace polygon::bootstrap
