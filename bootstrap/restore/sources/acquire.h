// The clone's files, wherever they come from, into the staged directory.
#pragma once

#include <string>

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/production_files.h"
#include "bootstrap/restore/progress.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// "the backup '20261120' in '/backups/20261120'", "a backup of the server 'prod:5432'", "what polygon.source.command
// brings".
std::string describe(const DataSource& source);

// Complete and checked when it returns, with global/pg_control written last. The staged directory is there and barred.
// Fills in what the marker says of the backup, and the plan's binaries where only the files tell the version. What is
// left out of production's configuration goes to `production`.
Status acquire_files(Plan& plan, postgres::GenerationMarker& marker, ProductionFiles& production, Progress& progress,
                     Clock& clock);

}  // namespace polygon::bootstrap
