// What backup::restore() is given as check_wal: the manifest's WAL ranges, read record by record. A range without end
// is left to recovery, which alone knows what it needs.
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/postgres/binaries.h"

namespace polygon::bootstrap {

// For any thread, while `clock` lives. Errors: postgres::check_wal_records()'s.
std::function<Status(const fs::Path& wal_directory)> check_wal_with(const postgres::Binaries& binaries,
                                                                    const backup::Manifest& manifest, Clock& clock);

// What reads it for somebody who has no configuration: pg_waldump of the backup's version, in `bin_dir`, or where it is
// found if that is empty. None where there is none, with a warning, and for a backup whose WAL is elsewhere.
// Errors: process_failed, version_mismatch; those of backup::read_major_version().
Result<std::optional<postgres::Binaries>> find_wal_reader_for(const backup::Backup& backup, backup::Wal wal,
                                                              const std::string& bin_dir, Clock& clock);

}  // namespace polygon::bootstrap
