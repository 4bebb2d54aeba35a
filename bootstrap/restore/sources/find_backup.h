// The backup to restore or to check, and what an operator should know of the choice.
#pragma once

#include "common/backup/location.h"

namespace polygon::bootstrap {

// backup::locate_backup(), with a warning for each backup that was passed over, and for one that has no manifest.
Result<backup::Located> find_backup(const fs::Path& source, backup::MissingManifest missing);

}  // namespace polygon::bootstrap
