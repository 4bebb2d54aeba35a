// backup_label: where recovery of a backup begins (PostgreSQL src/backend/access/transam/xlogbackup.c,
// build_backup_content).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "common/base/result.h"

namespace polygon::backup {

struct BackupLabel {
    std::string start_lsn;      // "0/2000028"
    std::string start_segment;  // "000000010000000000000002"
    std::uint32_t timeline = 0;
    std::string label;       // what who took it called it, made printable
    std::string start_time;  // "2026-11-20 03:00:00 UTC", made printable
    // Of an incremental backup (PostgreSQL 17 on): where the backup began that it is to be combined with.
    std::optional<std::string> incremental_from_lsn;
    std::uint32_t incremental_from_timeline = 0;
};

// Errors: backup_corrupt.
Result<BackupLabel> parse_backup_label(const std::string& text);

}  // namespace polygon::backup
