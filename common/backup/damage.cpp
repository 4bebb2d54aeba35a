#include "common/backup/damage.h"

#include <fmt/format.h>

#include "common/base/printable.h"

namespace polygon::backup {

Error damaged_archive(const fs::Path& archive, std::string_view reason) {
    return {.code = Errc::backup_corrupt,
            .message = fmt::format("archive '{}' is damaged: {}", archive.string(), reason),
            .hint = std::string(kCopyAgain)};
}

Error refused_member(const fs::Path& archive, std::string_view member, std::string_view reason) {
    return {
        .code = Errc::backup_corrupt,
        .message = fmt::format("archive '{}' is refused: member '{}' {}", archive.string(), printable(member), reason),
        .hint = "PostgreSQL writes no such member; find out where this backup comes from."};
}

}  // namespace polygon::backup
