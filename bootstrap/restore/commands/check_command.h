// `polygon-bootstrap check`: verifies a backup, writes nothing.
#pragma once

#include <string>

#include "common/backup/location.h"
#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

struct CheckCommand {
    std::string source;       // a backup, or a folder of them
    std::string bin_dir;      // of pg_waldump; empty: the distribution's, else PATH
    std::string status_file;  // empty: none
    backup::Wal wal = backup::Wal::in_backup;
    backup::MissingManifest missing_manifest = backup::MissingManifest::refused;
};

// Logs each problem; on success one line on stdout says what the backup is. Gives the exit status. Errors: those of
// backup::locate_backup() and backup::check().
Result<int> check(const CheckCommand& command, Clock& clock);

// "tar, gzip", "plain".
std::string describe_format(const backup::Backup& backup);

// Of an incremental backup: "incremental, takes 3 backups: 'full' (plain), 'monday' (plain), 'tuesday' (tar, zstd)".
std::string describe_chain(const backup::Backup& backup);

}  // namespace polygon::bootstrap
