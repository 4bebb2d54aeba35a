// A clone of production in the staged directory, ready for Patroni.
#pragma once

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// The staged directory, marked and barred before the first byte is in it; what it held is removed.
Status open_staging(const postgres::Path& staged, const postgres::GenerationMarker& marker);

// Restored, verified, quarantined and marked as restored. On failure the staged directory is gone; a crash leaves it,
// and neither PostgreSQL nor Patroni starts it.
Status make_clone(Plan& plan, Progress& progress, Clock& clock);

// Says in the log if it cannot be removed.
void remove_unfinished(const postgres::Path& staged);

}  // namespace polygon::bootstrap
