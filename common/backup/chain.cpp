#include "common/backup/chain.h"

#include <algorithm>
#include <filesystem>
#include <limits>
#include <tuple>
#include <utility>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/backup/facts.h"
#include "common/backup/wal_segments.h"

namespace polygon::backup {
namespace {

constexpr std::uint64_t kUsualRelationSegment = 1ULL << 30;
constexpr std::size_t kBroken = std::numeric_limits<std::size_t>::max();

std::string format_lsn(std::uint64_t lsn) {
    return fmt::format("{:X}/{:X}", lsn >> 32U, lsn & 0xffffffffU);
}

// One range for each timeline, the latest first (PostgreSQL backup_manifest.c, AddWALInfoToBackupManifest).
std::optional<WalPosition> beginning_of(const Backup& backup) {
    std::optional<WalPosition> beginning;
    for (const WalRange& range : backup.manifest.wal_ranges) {
        const auto start = parse_lsn(range.start_lsn);
        if (start && (!beginning || *start < beginning->lsn)) beginning = {range.timeline, *start};
    }
    return beginning;
}

// Each begins later than what it continues: no chain leads back to itself.
bool does_continue(const Backup& backup, const Backup& previous) {
    const auto beginning = beginning_of(backup);
    return beginning && backup.continues && beginning->lsn > backup.continues->lsn &&
           beginning_of(previous) == backup.continues &&
           backup.manifest.system_identifier == previous.manifest.system_identifier;
}

}  // namespace

std::optional<std::string> path_of_incremental(const std::string& path) {
    const std::size_t name = path.rfind('/') + 1;  // npos + 1 is 0
    if (path.compare(name, kIncrementalPrefix.size(), kIncrementalPrefix) != 0) return std::nullopt;
    return path.substr(0, name) + path.substr(name + kIncrementalPrefix.size());
}

bool is_incremental(const Manifest& manifest) {
    return std::any_of(manifest.files.begin(), manifest.files.end(),
                       [](const ManifestFile& file) { return path_of_incremental(file.path).has_value(); });
}

Result<WalPosition> read_continued(const Backup& backup) {
    Result<BackupLabel> label = read_backup_label(backup);
    if (!label) {
        label.error().message = fmt::format("backup '{}': {}", backup.label, label.error().message);
        return label.error();
    }
    const auto lsn = label->incremental_from_lsn ? parse_lsn(*label->incremental_from_lsn) : std::nullopt;
    if (lsn && label->incremental_from_timeline != 0) return WalPosition{label->incremental_from_timeline, *lsn};
    return Error{.code = Errc::backup_corrupt,
                 .message = fmt::format(
                     "backup '{}' is incremental, and its backup_label does not say what it continues", backup.label),
                 .hint = std::string(kCopyAgain)};
}

bool is_combined_in_place(const Backup& backup) {
    if (backup.format == Format::tar) return false;
    return std::all_of(backup.archives.begin(), backup.archives.end(), [](const Archive& archive) {
        std::error_code error;
        if (archive.kind == Archive::Kind::tablespace)
            return std::filesystem::read_symlink(archive.path, error).is_absolute() && !error;
        return archive.kind == Archive::Kind::base;
    });
}

std::map<std::string, std::uint64_t> expected_sizes(const Backup& backup) {
    std::map<std::string, std::uint64_t> sizes;
    const auto take = [&sizes](const Backup& next) {
        std::map<std::string, std::uint64_t> before = std::exchange(sizes, {});
        for (const ManifestFile& file : next.manifest.files) {
            const auto whole = path_of_incremental(file.path);
            const std::uint64_t old_bytes = whole ? before[*whole] : 0;
            const std::uint64_t most_bytes = std::max(old_bytes, std::max(kUsualRelationSegment, file.size_bytes));
            sizes[whole.value_or(file.path)] =
                whole ? std::min(old_bytes + file.size_bytes, most_bytes) : file.size_bytes;
        }
    };
    for (const Backup& earlier : backup.earlier)
        take(earlier);
    take(backup);
    return sizes;
}

Chains::Chains(std::vector<Backup> backups, fs::Path folder)
    : folder_(std::move(folder)), backups_(std::move(backups)), counts_(backups_.size(), kBroken) {
    std::stable_sort(backups_.begin(), backups_.end(), [](const Backup& left, const Backup& right) {
        const auto lsn = [](const Backup& backup) { return beginning_of(backup).value_or(WalPosition{}).lsn; };
        return std::tuple(lsn(left), left.label) < std::tuple(lsn(right), right.label);
    });
    for (std::size_t i = 0; i < backups_.size(); ++i) {  // what a backup continues comes before it
        const Backup* previous = find_previous(backups_[i]);
        if (!backups_[i].continues) counts_[i] = 1;
        if (previous == nullptr) continue;
        const std::size_t count = counts_[static_cast<std::size_t>(previous - backups_.data())];
        counts_[i] = count == kBroken ? kBroken : count + 1;
    }
}

const Backup* Chains::find_previous(const Backup& backup) const {
    const Backup* best = nullptr;
    const auto rank = [this](const Backup& one) {
        return std::tuple(counts_[static_cast<std::size_t>(&one - backups_.data())], one.format, one.label);
    };
    for (const Backup& other : backups_) {
        if (does_continue(backup, other) && (best == nullptr || rank(other) < rank(*best))) best = &other;
    }
    return best;
}

Result<std::vector<fs::Path>> Chains::earlier_of(const Backup& backup) const {
    std::vector<fs::Path> directories;
    const Backup* last = &backup;
    while (last->continues) {
        const Backup* previous = find_previous(*last);
        if (previous == nullptr) return missing_link(backup, *last);
        directories.insert(directories.begin(), previous->directory);
        last = previous;
    }
    return directories;
}

Error Chains::missing_link(const Backup& backup, const Backup& last) const {
    const std::string lsn = format_lsn(last.continues->lsn);
    const std::string who = &backup == &last ? "it" : fmt::format("'{}', which it needs,", last.label);
    return {
        .code = Errc::backup_incomplete,
        .message = fmt::format("backup '{}' is incomplete: {} continues the backup that began at {} on timeline {}, "
                               "and no complete backup in '{}' did",
                               backup.label, who, lsn, last.continues->timeline, folder_.string()),
        .hint = fmt::format("Copy that backup to a directory beside it: its backup_label has the line \"START WAL "
                            "LOCATION: {}\".",
                            lsn)};
}

}  // namespace polygon::backup
