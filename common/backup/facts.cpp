#include "common/backup/facts.h"

#include <algorithm>
#include <charconv>
#include <cstring>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/backup/input/member_reader.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

// PostgreSQL 10 is the first whose major version is one number.
constexpr int kFirstMajor = 10;
constexpr int kLastMajor = 99;

// PG_VERSION holds "15\n": the manifest's checksum tells which of the few possible contents it is.
std::optional<int> major_by_checksum(const Manifest& manifest) {
    const ManifestFile* file = manifest.find("PG_VERSION");
    if (file == nullptr || file->checksum_hex.empty()) return std::nullopt;
    for (int major = kFirstMajor; major <= kLastMajor; ++major) {
        if (checksum_of(file->algorithm, fmt::format("{}\n", major)) == file->checksum_hex) return major;
    }
    return std::nullopt;
}

Result<int> parse_major(const std::string& text, const Backup& backup) {
    int major = 0;
    std::from_chars(text.data(), text.data() + text.size(), major);
    if (major >= kFirstMajor && major <= kLastMajor) return major;
    return Error{.code = Errc::backup_corrupt,
                 .message = fmt::format("PG_VERSION of backup '{}' is '{}'", backup.label, printable(text)),
                 .hint = std::string(kCopyAgain)};
}

Result<std::string> read_content(MemberReader& reader, std::size_t most_bytes) {
    std::string content;
    while (content.size() < most_bytes) {
        const Block block = TRY(reader.read());
        if (block.is_empty()) break;
        content.append(reinterpret_cast<const char*>(block.bytes.data()),
                       std::min(block.bytes.size(), most_bytes - content.size()));
    }
    return content;
}

// Up to `most_bytes` of a file at the top of the data directory; in tar format the base archive is read up to it.
Result<std::string> read_top_file(const Backup& backup, const std::string& name, std::size_t most_bytes) {
    if (backup.format == Format::plain) {
        Result<std::string> content = fs::read_file(backup.directory / name);
        if (content) content->resize(std::min(content->size(), most_bytes));
        return content;
    }
    const auto reader = std::move(TRY(open_members(backup.format, backup.archives.front(), 1)).front());
    while (const auto member = TRY(reader->next())) {
        if (member->path == name) return read_content(*reader, most_bytes);
    }
    return Error{.code = Errc::backup_incomplete,
                 .message = fmt::format("backup '{}' has no {}", backup.label, name),
                 .hint = std::string(kCopyAgain)};
}

}  // namespace

Result<int> read_major_version(const Backup& backup) {
    if (const auto major = major_by_checksum(backup.manifest)) return *major;
    return parse_major(TRY(read_top_file(backup, "PG_VERSION", 16)), backup);
}

Result<BackupLabel> read_backup_label(const Backup& backup) {
    constexpr std::size_t kMostBytes = 8192;  // a label given to pg_basebackup is at most MAXPGPATH long
    return parse_backup_label(TRY(read_top_file(backup, "backup_label", kMostBytes)));
}

Result<std::optional<std::uint64_t>> read_system_identifier(const Backup& backup) {
    if (backup.manifest.system_identifier || backup.format == Format::tar) return backup.manifest.system_identifier;
    const std::string control = TRY(fs::read_file(backup.directory / "global" / "pg_control"));
    std::uint64_t identifier = 0;  // pg_control's first member (PostgreSQL catalog/pg_control.h)
    if (control.size() < sizeof identifier) {
        return Error{
            .code = Errc::backup_corrupt,
            .message = fmt::format("global/pg_control of backup '{}' is {} bytes long", backup.label, control.size()),
            .hint = std::string(kCopyAgain)};
    }
    std::memcpy(&identifier, control.data(), sizeof identifier);
    return std::optional(identifier);
}

}  // namespace polygon::backup
