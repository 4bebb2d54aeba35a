// `polygon-bootstrap restore`: a verified `tar xzf`, without Patroni, configuration, etcd or quarantine.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/backup/location.h"
#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

struct RestoreCommand {
    std::string source;                    // a backup, or a folder of them
    std::string data_directory;            // absent or empty
    std::vector<std::string> tablespaces;  // "OLD=NEW"
    std::string bin_dir;                   // of pg_waldump; empty: the distribution's, else PATH
    std::string status_file;               // empty: none
    backup::Wal wal = backup::Wal::in_backup;
    backup::MissingManifest missing_manifest = backup::MissingManifest::refused;
};

// Restores everything that the backup has. Gives the exit status: 0 only if every byte is as the manifest says, where
// the backup has one. On any other end, SIGINT and SIGTERM (128 + their number) included, directories are as they were
// found. Errors: usage, data_directory_occupied, conflict (another restore has the directory), no_space, those of
// backup::locate_backup() and backup::restore().
Result<int> restore(const RestoreCommand& command, Clock& clock);

// The backup in `source`, with a line in the log for itself, and those of find_backup().
Result<backup::Backup> find_backup_in(const std::string& source, backup::MissingManifest missing);

// "OLD=NEW" as pg_basebackup takes it: a '=' in a path has a backslash before it. Errors: usage.
Result<backup::TablespaceMapping> parse_tablespaces(const std::vector<std::string>& options);

}  // namespace polygon::bootstrap
