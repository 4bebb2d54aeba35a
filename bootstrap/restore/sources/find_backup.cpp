#include "bootstrap/restore/sources/find_backup.h"

#include "common/base/log.h"

namespace polygon::bootstrap {

Result<backup::Located> find_backup(const fs::Path& source, backup::MissingManifest missing) {
    backup::Located located = TRY(backup::locate_backup(source, missing));
    for (const backup::PassedOver& other : located.passed_over)
        log_warning("passed over an incomplete backup", {{"backup", other.label}, {"reason", other.reason}});
    if (!located.backup.has_manifest) {
        log_warning("the backup has no backup_manifest: whether its files are whole cannot be verified",
                    {{"backup", located.backup.label}});
    }
    return located;
}

}  // namespace polygon::bootstrap
