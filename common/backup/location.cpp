#include "common/backup/location.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <filesystem>
#include <set>
#include <tuple>

#include <fmt/format.h>

#include "common/backup/chain.h"
#include "common/backup/damage.h"
#include "common/backup/facts.h"
#include "common/backup/wal_segments.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

constexpr const char* kManifest = "backup_manifest";
constexpr std::array<std::string_view, 4> kEndings = {".tar", ".tar.gz", ".tar.lz4", ".tar.zst"};

Error incomplete(const std::string& label, std::string_view reason, std::string hint = std::string(kCopyAgain)) {
    return {.code = Errc::backup_incomplete,
            .message = fmt::format("backup '{}' is incomplete: {}", label, reason),
            .hint = std::move(hint)};
}

Error nothing_in(const fs::Path& directory) {
    return {.code = Errc::backup_missing,
            .message = fmt::format("no base backup in '{}'", directory.string()),
            .hint = "Point polygon.source.directory at what pg_basebackup wrote, or at a folder of such directories."};
}

std::string label_of(const fs::Path& directory) {
    const fs::Path path = directory.lexically_normal();
    return path.has_filename() ? path.filename() : path.parent_path().filename();
}

bool can_be_seen(const fs::Path& path) {
    std::error_code error;
    return std::filesystem::exists(path, error);
}

bool is_link(const fs::Path& path) {
    std::error_code error;
    return std::filesystem::is_symlink(path, error);
}

Result<std::vector<fs::Path>> list(const fs::Path& directory) {
    std::error_code error;
    std::vector<fs::Path> paths;
    std::filesystem::directory_iterator entry(directory, error);
    if (error == std::errc::no_such_file_or_directory) return nothing_in(directory);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        paths.push_back(entry->path());
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", directory.string()), error.value());
    std::sort(paths.begin(), paths.end());
    return paths;
}

// "base" of "base.tar.gz"; nothing for what is no archive.
std::optional<std::string> stem_of(const std::string& name) {
    for (const std::string_view ending : kEndings) {
        if (name.ends_with(ending)) return name.substr(0, name.size() - ending.size());
    }
    return std::nullopt;
}

std::optional<std::uint32_t> parse_oid(std::string_view text) {
    std::uint32_t oid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), oid);
    if (error != std::errc() || end != text.data() + text.size() || oid == 0) return std::nullopt;
    return oid;
}

std::optional<Archive> archive_of(const fs::Path& path) {
    const auto stem = stem_of(path.filename());
    if (!stem) return std::nullopt;
    if (*stem == "base") return Archive{.path = path, .kind = Archive::Kind::base};
    if (*stem == "pg_wal") return Archive{.path = path, .kind = Archive::Kind::wal};
    if (const auto oid = parse_oid(*stem)) {
        return Archive{.path = path, .kind = Archive::Kind::tablespace, .tablespace_oid = *oid};
    }
    return std::nullopt;
}

bool looks_like_backup(const std::vector<fs::Path>& entries) {
    return std::any_of(entries.begin(), entries.end(), [](const fs::Path& path) {
        const std::string name = path.filename();
        return name == "backup_manifest" || name == "PG_VERSION" || name == "backup_label" || archive_of(path);
    });
}

auto order(const Archive& archive) {
    return std::tuple(archive.kind, archive.tablespace_oid);
}

Result<std::vector<Archive>> tar_archives(const std::vector<fs::Path>& entries, const std::string& label) {
    std::vector<Archive> archives;
    for (const fs::Path& path : entries) {
        if (auto archive = archive_of(path)) archives.push_back(std::move(*archive));
    }
    std::stable_sort(archives.begin(), archives.end(),
                     [](const auto& a, const auto& b) { return order(a) < order(b); });
    for (std::size_t i = 1; i < archives.size(); ++i) {
        if (order(archives[i - 1]) == order(archives[i])) {
            return Error{
                .code = Errc::backup_corrupt,
                .message = fmt::format("backup '{}' holds both '{}' and '{}'", label,
                                       archives[i - 1].path.filename().string(), archives[i].path.filename().string()),
                .hint = "Remove the one that does not belong to it."};
        }
    }
    return archives;
}

Result<std::vector<Archive>> plain_archives(const fs::Path& directory) {
    std::vector<Archive> archives = {{.path = directory, .kind = Archive::Kind::base}};
    if (is_link(directory / "pg_wal")) {
        archives.push_back({.path = directory / "pg_wal", .kind = Archive::Kind::wal});
    }
    if (!can_be_seen(directory / "pg_tblspc")) return archives;
    for (const fs::Path& path : TRY(list(directory / "pg_tblspc"))) {
        const auto oid = parse_oid(path.filename().string());
        if (!oid || !is_link(path)) continue;
        archives.push_back({.path = path, .kind = Archive::Kind::tablespace, .tablespace_oid = *oid});
    }
    return archives;
}

// The oids of the tablespaces that have files in the manifest.
std::set<std::uint32_t> tablespaces_of(const Manifest& manifest) {
    constexpr std::string_view kPrefix = "pg_tblspc/";
    std::set<std::uint32_t> oids;
    for (const ManifestFile& file : manifest.files) {
        if (!file.path.starts_with(kPrefix)) continue;
        const std::string_view rest = std::string_view(file.path).substr(kPrefix.size());
        if (const auto oid = parse_oid(rest.substr(0, rest.find('/')))) oids.insert(*oid);
    }
    return oids;
}

Status check_tablespaces(const Backup& backup) {
    for (const std::uint32_t oid : tablespaces_of(backup.manifest)) {
        const bool is_there = std::any_of(backup.archives.begin(), backup.archives.end(), [&](const Archive& archive) {
            return archive.tablespace_oid == oid && can_be_seen(archive.path);
        });
        if (is_there) continue;
        if (backup.format == Format::tar) return incomplete(backup.label, fmt::format("no archive '{}.tar'", oid));
        if (!can_be_seen(backup.directory / "pg_tblspc" / std::to_string(oid))) {  // in place: no link, and no archive
            return incomplete(backup.label, fmt::format("no tablespace 'pg_tblspc/{}'", oid));
        }
    }
    return {};
}

Status check_archives(const Backup& backup) {
    for (const Archive& archive : backup.archives) {
        std::error_code error;
        if (backup.format == Format::plain && !std::filesystem::exists(archive.path, error) && !error) {
            const fs::Path target = std::filesystem::read_symlink(archive.path, error);
            return incomplete(backup.label, fmt::format("its link '{}' leads to '{}', which is not there",
                                                        archive.path.lexically_relative(backup.directory).string(),
                                                        printable(target.string())));
        }
        if (backup.format == Format::tar && std::filesystem::file_size(archive.path, error) == 0) {
            return incomplete(backup.label, fmt::format("archive '{}' is empty", archive.path.filename().string()));
        }
    }
    return {};
}

Status check_manifest(const Backup& backup) {
    for (const char* path : {"backup_label", "PG_VERSION", "global/pg_control"}) {
        if (backup.manifest.find(path) == nullptr) {
            return incomplete(backup.label, fmt::format("its manifest names no '{}'", path));
        }
    }
    return {};
}

// What is known all the same.
Manifest manifest_from_label(const BackupLabel& label) {
    return Manifest{.wal_ranges = {{.timeline = label.timeline, .start_lsn = label.start_lsn}},
                    .last_modified = label.start_time};
}

// A chain is put together by manifests.
Result<BackupLabel> read_full_label(const Backup& backup) {
    BackupLabel label = TRY(read_backup_label(backup));
    if (!label.incremental_from_lsn) return label;
    return incomplete(backup.label, "it is incremental, and has no backup_manifest");
}

Status check_without_manifest(const Backup& backup, MissingManifest missing) {
    const bool is_arriving = can_be_seen(backup.directory / "backup_manifest.tmp");
    if (missing == MissingManifest::accepted && !is_arriving) return {};
    return incomplete(
        backup.label, "no backup_manifest",
        "pg_basebackup writes backup_manifest last: wait until the copy has ended, or copy it again. "
        "A backup that was taken with --no-manifest cannot be verified: if you want it all the same, name "
        "its own directory, and give --without-manifest or configure source.verify: available.");
}

Result<Manifest> load_manifest(const fs::Path& directory) {
    auto manifest = parse_manifest(TRY(fs::read_file(directory / kManifest)));
    if (manifest.has_value()) return manifest;
    Error error = manifest.error();
    error.message = fmt::format("'{}': {}", (directory / kManifest).string(), error.message);
    return error;
}

bool is_older(const Backup& left, const Backup& right) {
    const auto end = [](const Backup& backup) { return parse_lsn(backup.manifest.end_lsn()).value_or(0); };
    return std::tuple(left.manifest.last_modified, end(left), left.label) <
           std::tuple(right.manifest.last_modified, end(right), right.label);
}

// Full or incremental.
Result<Backup> open_any(const fs::Path& directory, MissingManifest missing) {
    Backup backup{.directory = directory, .label = label_of(directory)};
    const std::vector<fs::Path> entries = TRY(list(directory));
    if (!looks_like_backup(entries)) return nothing_in(directory);
    // By its name: one that cannot be read is an error, and not the same as none.
    backup.has_manifest = std::find(entries.begin(), entries.end(), directory / kManifest) != entries.end();
    if (!backup.has_manifest) TRY(check_without_manifest(backup, missing));
    backup.archives = TRY(tar_archives(entries, backup.label));
    const bool has_base = !backup.archives.empty() && backup.archives.front().kind == Archive::Kind::base;
    if (!has_base && !can_be_seen(directory / "PG_VERSION")) {
        return incomplete(backup.label, "neither base.tar nor PG_VERSION is there");
    }
    if (!has_base) {
        backup.format = Format::plain;
        backup.archives = TRY(plain_archives(directory));
    }
    TRY(check_archives(backup));
    if (!backup.has_manifest) {
        backup.manifest = manifest_from_label(TRY(read_full_label(backup)));
        return backup;
    }
    backup.manifest = TRY(load_manifest(directory));
    TRY(check_manifest(backup));
    TRY(check_tablespaces(backup));
    if (is_incremental(backup.manifest)) backup.continues = TRY(read_continued(backup));
    return backup;
}

// What is in a folder. Of the manifests, which may be large and many, no files are kept.
struct Folder {
    std::vector<Backup> backups;
    std::vector<PassedOver> passed_over;
};

Result<Folder> look_into(const fs::Path& directory) {
    Folder folder;
    for (const fs::Path& path : TRY(list(directory))) {
        std::error_code error;
        if (!std::filesystem::is_directory(path, error)) continue;
        auto backup = open_any(path, MissingManifest::refused);
        if (backup.has_value()) {
            backup->manifest.files = {};
            folder.backups.push_back(std::move(*backup));
        } else if (backup.error().code != Errc::backup_missing) {
            folder.passed_over.push_back({.label = label_of(path), .reason = backup.error().message});
        }
    }
    return folder;
}

Status open_earlier(Backup& backup, const Chains& chains) {
    for (const fs::Path& directory : TRY(chains.earlier_of(backup)))
        backup.earlier.push_back(TRY(open_any(directory, MissingManifest::refused)));
    return {};
}

// Behind links: "latest" may lead to where the others are.
Result<Located> complete_from_siblings(Backup backup) {
    std::error_code error;
    const fs::Path directory = std::filesystem::canonical(backup.directory, error);
    if (error) {
        return errno_error(Errc::io, fmt::format("cannot find '{}'", backup.directory.string()), error.value());
    }
    const Folder folder = TRY(look_into(directory.parent_path()));
    const Status opened = open_earlier(backup, Chains(folder.backups, directory.parent_path()));
    if (opened) return Located{.backup = std::move(backup)};
    Error failure = opened.error();
    for (const PassedOver& other : folder.passed_over)  // the one that is missing may be among them
        failure.message += fmt::format("; {}", other.reason);
    return failure;
}

const Backup* choose_newest(const Chains& chains, std::vector<PassedOver>& passed_over) {
    const Backup* newest = nullptr;
    for (const Backup& backup : chains.backups()) {
        if (const auto earlier = chains.earlier_of(backup); !earlier) {
            passed_over.push_back({.label = backup.label, .reason = earlier.error().message});
        } else if (newest == nullptr || is_older(*newest, backup)) {
            newest = &backup;
        }
    }
    std::sort(passed_over.begin(), passed_over.end(), [](const auto& a, const auto& b) { return a.label < b.label; });
    return newest;
}

}  // namespace

Result<Backup> open_backup(const fs::Path& directory, MissingManifest missing) {
    Backup backup = TRY(open_any(directory, missing));
    if (!backup.continues) return backup;
    return Error{.code = Errc::unsupported,
                 .message = fmt::format("backup '{}' is incremental", backup.label),
                 .hint = "Combine it with the earlier ones first, as pg_combinebackup does."};
}

Result<Located> locate_backup(const fs::Path& directory, MissingManifest missing) {
    if (looks_like_backup(TRY(list(directory)))) {
        Backup backup = TRY(open_any(directory, missing));
        if (backup.continues) return complete_from_siblings(std::move(backup));
        return Located{.backup = std::move(backup)};
    }
    auto [backups, passed_over] = TRY(look_into(directory));
    const Chains chains(std::move(backups), directory);
    if (const Backup* newest = choose_newest(chains, passed_over)) {
        Backup backup = TRY(open_any(newest->directory, MissingManifest::refused));
        TRY(open_earlier(backup, chains));
        return Located{.backup = std::move(backup), .passed_over = std::move(passed_over)};
    }
    if (passed_over.empty()) return nothing_in(directory);
    return Error{
        .code = Errc::backup_incomplete,
        .message = fmt::format("no complete base backup in '{}': {}", directory.string(), passed_over.back().reason),
        .hint = "Wait until a backup is complete, or copy one again."};
}

}  // namespace polygon::backup
