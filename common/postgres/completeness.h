// How much of a data directory is there: what is set aside is never replaced by something less complete.
#pragma once

#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::postgres {

// In this order.
enum class Completeness {
    nothing,   // absent, or nothing that Patroni counts
    fragment,  // nothing can start it: no pg_control, or pg_basebackup was about to write its last files to disk
    copy,  // a base backup that no server has started from: it has backup_label. Nothing of it is here alone, unless
           // it was a primary that crashed during an exclusive backup (PostgreSQL 13 and 14)
    whole
};

// An error if it cannot be read: what cannot be read is not absent.
Result<Completeness> read_completeness(const Path& directory);

// Of a fragment: pg_basebackup made it. The server sends backup_label before, and pg_control after all other files of
// the data directory (PostgreSQL src/backend/backup/basebackup.c); pg_wal is there before either, and alone while it
// sends tablespaces. Nothing of it is here alone.
Result<bool> is_partial_base_backup(const Path& directory);

}  // namespace polygon::postgres
