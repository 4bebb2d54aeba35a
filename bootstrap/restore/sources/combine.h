// An incremental backup (PostgreSQL 17 on) and all that it continues, made into one data directory by pg_combinebackup.
#pragma once

#include "bootstrap/restore/progress.h"
#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/binaries.h"

namespace polygon::bootstrap {

// As backup::restore(), for a backup with earlier ones; the data directory is there. Nothing is combined before it has
// been verified: each backup against its own manifest, a plain one where it is and any other while it is unpacked
// beside the place of its files, for as long as it is needed; then what comes of them against the manifest that
// pg_combinebackup writes, and its WAL. Until all is good it is in directories that PostgreSQL does not start on, and
// global/pg_control comes to its place last. What a failure leaves the caller removes.
// Errors: those of backup::restore(); process_failed with pg_combinebackup's words.
Result<backup::Restored> combine(const backup::RestoreRequest& request, const postgres::Binaries& combiner,
                                 Progress& progress, Clock& clock);

}  // namespace polygon::bootstrap
