// What a backup is, without restoring it.
#pragma once

#include <cstdint>
#include <optional>

#include "common/backup/backup_label.h"
#include "common/backup/location.h"

namespace polygon::backup {

// PostgreSQL's major version. Out of the manifest's checksum of PG_VERSION if it has one; else out of the file, and in
// tar format the base archive is then read up to that member. Errors: backup_corrupt, backup_incomplete, unsupported,
// io.
Result<int> read_major_version(const Backup& backup);

// In tar format the base archive is read up to that member, which pg_basebackup writes first. Errors: backup_corrupt,
// backup_incomplete, unsupported, io.
Result<BackupLabel> read_backup_label(const Backup& backup);

// Out of the manifest (PostgreSQL 17 on) or a plain backup's global/pg_control. Nothing for a tar backup of an older
// version: pg_control is the last member of its base archive. Errors: backup_corrupt, io.
Result<std::optional<std::uint64_t>> read_system_identifier(const Backup& backup);

}  // namespace polygon::backup
