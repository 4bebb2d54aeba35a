// The user's own command that fills a directory: pgBackRest, WAL-G, Barman, a copy.
#pragma once

#include <string>

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/sources/data_source.h"
#include "bootstrap/restore/sources/incoming.h"
#include "common/base/clock.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Errc::configuration unless {datadir} is in it.
Result<FillingCommand> parse_command(const patroni::Source& source);

// The command with each {datadir} replaced, quoted for a shell.
std::string fill_in(const FillingCommand& command, const fs::Path& directory);

struct Filled {
    int major_version = 0;
    std::string label;       // backup_label's
    std::string start_time;  // backup_label's
};

// Runs it by /bin/sh into `incoming` below `places.staged`, and checks at once what is quickly checked: that there are
// no foreign links, control file, backup_label, the WAL to start from (unless a restore_command will bring it),
// tablespaces. Errors: process_failed with the command's last words, backup_*, data_directory_*, io.
Result<Filled> fill(const FillingCommand& command, const patroni::PolygonSettings& settings,
                    const postgres::Places& places, const fs::Path& incoming, const LeftOut& is_left_out, Clock& clock);

// Compares every file with backup_manifest. Where the tool brought none, a warning says that nobody can, and the result
// is false; backup_incomplete under `verify: manifest`.
Result<bool> verify_filled(const fs::Path& incoming, const Filled& filled, const Plan& plan, Progress& progress,
                           Clock& clock);

}  // namespace polygon::bootstrap
