// The clone's files, wherever they come from, into the staged directory.
#pragma once

#include <string>

#include "bootstrap/restore/files/carried_files.h"
#include "bootstrap/restore/files/production_settings.h"
#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "common/base/clock.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

// "the backup '20261120' in '/backups/20261120'", "a backup of the server 'prod:5432'", "what polygon.source.command
// brings".
std::string describe(const DataSource& source);

// What is not restored of production's files.
struct LeftBehind {
    ProductionFiles settings;
    ExcludedFiles excluded;
};

// Complete and checked when it returns, with global/pg_control written last. The staged directory is there and barred.
// Fills in what the marker says of the backup, and the plan's binaries where only the files tell the version. Errors:
// also those of ExcludedFiles::note() and FileRules::require_kept().
Status acquire_files(Plan& plan, postgres::GenerationMarker& marker, LeftBehind& left_behind, Progress& progress,
                     Clock& clock);

}  // namespace polygon::bootstrap
