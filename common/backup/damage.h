// How this folder words what it finds wrong with a backup.
#pragma once

#include <string>
#include <string_view>

#include "common/base/error.h"
#include "common/fs/file.h"

namespace polygon::backup {

inline constexpr std::string_view kCopyAgain = "Copy the backup again, or restore another one.";

// "archive '/b/base.tar.gz' is damaged: <reason>", backup_corrupt.
Error damaged_archive(const fs::Path& archive, std::string_view reason);

// "archive '/b/base.tar' is refused: member '../x' <reason>", backup_corrupt: what PostgreSQL never writes.
Error refused_member(const fs::Path& archive, std::string_view member, std::string_view reason);

}  // namespace polygon::backup
