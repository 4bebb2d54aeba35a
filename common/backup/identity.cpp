#include "common/backup/identity.h"

#include <fmt/format.h>

#include "common/backup/checksum.h"
#include "common/backup/facts.h"

namespace polygon::backup {
namespace {

Result<std::string> describe_without_manifest(const Backup& backup) {
    const BackupLabel label = TRY(read_backup_label(backup));
    std::string text = fmt::format("{}\n{}\n{}\n{}\n", label.label, label.start_time, label.start_lsn, label.timeline);
    if (backup.format == Format::plain) return text;
    for (const Archive& archive : backup.archives) {
        std::error_code error;
        const auto size_bytes = std::filesystem::file_size(archive.path, error);
        if (error)
            return errno_error(Errc::io, fmt::format("cannot look at '{}'", archive.path.string()), error.value());
        text += fmt::format("{} {}\n", archive.path.filename().string(), size_bytes);
    }
    return text;
}

Result<std::string> hash(const Backup& backup) {
    const std::string text = backup.has_manifest ? TRY(fs::read_file(backup.directory / "backup_manifest"))
                                                 : TRY(describe_without_manifest(backup));
    return checksum_of(ChecksumAlgorithm::sha256, text);
}

}  // namespace

Result<std::string> compute_identity(const Backup& backup) {
    if (backup.earlier.empty()) return hash(backup);
    std::string hashes;
    for (const Backup& earlier : backup.earlier)
        hashes += TRY(hash(earlier));
    hashes += TRY(hash(backup));
    return checksum_of(ChecksumAlgorithm::sha256, hashes);
}

}  // namespace polygon::backup
