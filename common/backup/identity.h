// What tells a backup from another that was put into its place under the same name.
#pragma once

#include <string>

#include "common/backup/location.h"

namespace polygon::backup {

// SHA-256 (hex) over backup_manifest, of an incremental backup over those of all that it is combined with too, oldest
// first. Without a manifest over what backup_label says and the archives' names and sizes. Errors: io, and those of
// read_backup_label().
Result<std::string> compute_identity(const Backup& backup);

}  // namespace polygon::backup
