// A backup taken for this clone from a running server of production's, by pg_basebackup.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/sources/data_source.h"
#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/postgres/binaries.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Connects, and asks for version and tablespaces; starts no backup. Errors: configuration (a tablespace without a
// place, compression that the server does not know), connection, database.
Result<LiveServer> ask_server(const patroni::Source& source, const patroni::TextMap& tablespaces);

// The whole argv of pg_basebackup. No password is in it.
std::vector<std::string> basebackup_argv(const LiveServer& server, const postgres::Binaries& binaries,
                                         const fs::Path& directory, const std::string& label);

// "  1234/5678 kB (21%), 0/1 tablespace (…)" of pg_basebackup --progress.
std::optional<backup::Progress> parse_progress(const std::string& line);

struct TakenBackup {
    std::string time;
    std::string end_lsn;
};

// Into `incoming` below `places.staged`; every file is read as it arrives, and compared with the manifest, which comes
// last; then its WAL record by record. The server keeps nothing of it: the slot is a temporary one, and all connections
// end with us. Errors: process_failed with pg_basebackup's words, backup_*, data_directory_occupied (a tablespace's
// place), io.
Result<TakenBackup> take_backup(const LiveServer& server, const postgres::Binaries& binaries,
                                const postgres::Places& places, const fs::Path& incoming, const std::string& label,
                                Progress& progress, Clock& clock);

}  // namespace polygon::bootstrap
