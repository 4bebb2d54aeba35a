#include "common/backup/damage.h"

#include <fmt/format.h>

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

std::string printable(std::string_view name) {
    std::string text;
    for (const char c : name) {
        const auto byte = static_cast<unsigned char>(c);
        const bool is_plain = byte >= 0x20 && byte < 0x7f && c != '\\';
        text += is_plain ? std::string(1, c) : c == '\\' ? "\\\\" : fmt::format("\\x{:02x}", byte);
    }
    return text;
}

}  // namespace polygon::backup
