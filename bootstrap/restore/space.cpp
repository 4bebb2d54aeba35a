#include "bootstrap/restore/space.h"

#include <algorithm>
#include <charconv>
#include <map>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/backup/chain.h"
#include "common/backup/input/member_reader.h"
#include "common/backup/tablespaces.h"
#include "common/backup/wal_segments.h"
#include "common/cli/units.h"
#include "common/fs/space.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr std::string_view kTablespaceMap = "tablespace_map";
constexpr int kMembersBeforeMap = 16;  // PostgreSQL basebackup.c sends backup_label and tablespace_map first
constexpr std::size_t kMostMapBytes = 1U << 20;
constexpr std::uint64_t kUsualSegmentBytes = 16U << 20;

Result<std::string> read_text(backup::MemberReader& reader) {
    std::string text;
    while (text.size() < kMostMapBytes) {
        const auto block = TRY(reader.read());
        if (block.is_empty()) break;
        text.append(reinterpret_cast<const char*>(block.bytes.data()), block.bytes.size());
    }
    return text;
}

Result<std::string> read_map_of_tar(const backup::Backup& backup) {
    const auto reader = std::move(TRY(backup::open_members(backup.format, backup.archives.front(), 1)).front());
    for (int i = 0; i < kMembersBeforeMap; ++i) {
        const auto member = TRY(reader->next());
        if (!member) break;
        if (member->path == kTablespaceMap) return read_text(*reader);
    }
    return std::string();
}

Result<std::map<std::uint32_t, std::string>> read_production_paths(const backup::Backup& backup) {
    std::map<std::uint32_t, std::string> paths;
    const bool has_tablespaces =
        std::any_of(backup.archives.begin(), backup.archives.end(),
                    [](const backup::Archive& archive) { return archive.kind == backup::Archive::Kind::tablespace; });
    // A server without tablespaces sends an empty one.
    const backup::ManifestFile* map = backup.manifest.find(kTablespaceMap);
    if (!has_tablespaces && (map == nullptr || map->size_bytes == 0)) return paths;
    if (backup.format == backup::Format::tar) return backup::parse_tablespace_map(TRY(read_map_of_tar(backup)));
    std::error_code error;
    if (stdfs::exists(backup.directory / kTablespaceMap, error))
        paths = TRY(backup::parse_tablespace_map(TRY(fs::read_file(backup.directory / kTablespaceMap))));
    for (const backup::Archive& archive : backup.archives) {
        const fs::Path production = stdfs::read_symlink(archive.path, error);
        if (archive.kind == backup::Archive::Kind::tablespace && !error)
            paths.emplace(archive.tablespace_oid, production.string());
    }
    return paths;
}

// "pg_tblspc/16384/PG_15_…" belongs to 16384; 0 for what is in the data directory.
std::uint32_t tablespace_of(std::string_view path) {
    constexpr std::string_view kPrefix = "pg_tblspc/";
    if (!path.starts_with(kPrefix)) return 0;
    std::uint32_t oid = 0;
    std::from_chars(path.data() + kPrefix.size(), path.data() + path.size(), oid);
    return oid;
}

Result<std::uint64_t> size_of_tree(const fs::Path& directory) {
    std::error_code error;
    std::uint64_t bytes = 0;
    auto entry = stdfs::recursive_directory_iterator(directory, error);
    if (error == std::errc::no_such_file_or_directory) return bytes;
    for (; !error && entry != stdfs::recursive_directory_iterator(); entry.increment(error)) {
        if (entry->is_regular_file(error)) bytes += entry->file_size(error);
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", directory.string()), error.value());
    return bytes;
}

// What is there to see without a manifest: of compressed archives it is the least that they may become.
Result<std::uint64_t> visible_bytes(const backup::Backup& backup, const backup::Archive& archive) {
    std::error_code error;
    if (backup.format == backup::Format::plain) {
        const std::uint64_t bytes = TRY(size_of_tree(archive.path));
        // Its WAL is counted by measure_wal().
        const bool has_wal = archive.kind == backup::Archive::Kind::base && !stdfs::is_symlink(archive.path / "pg_wal");
        return has_wal ? bytes - TRY(size_of_tree(archive.path / "pg_wal")) : bytes;
    }
    const std::uintmax_t bytes = stdfs::file_size(archive.path, error);
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", archive.path.string()), error.value());
    return bytes;
}

// By tablespace; 0: in the data directory.
using Bytes = std::map<std::uint32_t, std::uint64_t>;

// An in-place tablespace is in the data directory, and so is what is unpacked of one that is not there any more.
std::uint32_t place_of(const std::string& path, const std::vector<PlacedTablespace>& tablespaces) {
    const std::uint32_t oid = tablespace_of(path);
    const bool is_placed = std::any_of(tablespaces.begin(), tablespaces.end(),
                                       [oid](const PlacedTablespace& placed) { return placed.oid == oid; });
    return is_placed ? oid : 0;
}

Result<Bytes> result_bytes(const backup::Backup& backup, const WalSize& wal,
                           const std::vector<PlacedTablespace>& tablespaces) {
    Bytes bytes = {{0, wal.bytes}};
    for (const auto& [path, size_bytes] : backup::expected_sizes(backup))
        bytes[place_of(path, tablespaces)] += size_bytes;
    for (const backup::Archive& archive : backup.archives) {
        if (backup.has_manifest || archive.kind == backup::Archive::Kind::wal) continue;
        bytes[archive.tablespace_oid] += TRY(visible_bytes(backup, archive));
    }
    return bytes;
}

// Nothing of a full backup: it is unpacked where it belongs.
Bytes unpacked_bytes(const backup::Backup& backup, const WalSize& wal,
                     const std::vector<PlacedTablespace>& tablespaces) {
    Bytes bytes;
    if (backup.earlier.empty()) return bytes;
    const auto add = [&](const backup::Backup& member) {
        if (backup::is_combined_in_place(member)) return;
        for (const backup::ManifestFile& file : member.manifest.files)
            bytes[place_of(file.path, tablespaces)] += file.size_bytes;
    };
    std::for_each(backup.earlier.begin(), backup.earlier.end(), add);
    add(backup);
    if (!backup::is_combined_in_place(backup)) bytes[0] += wal.bytes;
    return bytes;
}

// A relation's files but for its maps: "base/5/16384" of base/5/16384.1, "" of what is no relation of users'.
std::string relation_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos || !(path.starts_with("base/") || path.starts_with("pg_tblspc/"))) return {};
    const std::string_view name = path.substr(slash + 1);
    if (name.find_first_not_of("0123456789.") != std::string_view::npos) return {};
    return std::string(path.substr(0, path.find('.', slash)));
}

// One is rewritten after the other, so that the largest of each place counts.
Bytes rewritten_bytes(const backup::Backup& backup, const std::vector<PlacedTablespace>& tablespaces) {
    constexpr std::uint64_t kWithIndexes = 2;
    std::map<std::string, std::uint64_t> relations;
    for (const auto& [path, size_bytes] : backup::expected_sizes(backup)) {
        const std::string relation = relation_of(path);
        if (!relation.empty()) relations[relation] += size_bytes;
    }
    Bytes bytes;
    for (const auto& [relation, size_bytes] : relations) {
        std::uint64_t& largest = bytes[place_of(relation, tablespaces)];
        largest = std::max(largest, kWithIndexes * size_bytes);
    }
    return bytes;
}

std::uint64_t estimate_wal(const backup::Manifest& manifest) {
    std::uint64_t segments = 0;
    for (const backup::WalRange& range : manifest.wal_ranges) {
        const auto start = backup::parse_lsn(range.start_lsn);
        const auto end = backup::parse_lsn(range.end_lsn);
        if (start && end && *end > *start)
            segments += (*end - 1) / kUsualSegmentBytes - *start / kUsualSegmentBytes + 1;
    }
    return segments * kUsualSegmentBytes;
}

std::string describe(const FileSystemNeed& file_system) {
    std::vector<std::string> paths;
    for (const Need& need : file_system.needs)
        paths.push_back(fmt::format("'{}' ({})", need.path.string(), need.what));
    return fmt::format("{}", fmt::join(paths, ", "));
}

class FileSystems {
  public:
    // `left_over` is removed before anything is written.
    Status add(Need need, std::uint64_t left_over) {
        const fs::Space space = TRY(fs::read_space(need.path));
        FileSystemNeed& file_system = by_device_[space.device];
        if (file_system.needs.empty()) file_system.free_bytes = space.free_bytes;
        file_system.free_bytes += left_over;
        file_system.needed_bytes += need.bytes;
        file_system.needs.push_back(std::move(need));
        return {};
    }
    std::vector<FileSystemNeed> list() const {
        std::vector<FileSystemNeed> file_systems;
        for (const auto& [device, file_system] : by_device_)
            file_systems.push_back(file_system);
        return file_systems;
    }

  private:
    std::map<dev_t, FileSystemNeed> by_device_;
};

}  // namespace

Result<std::vector<PlacedTablespace>> find_tablespaces(const backup::Backup& backup,
                                                       const backup::TablespaceMapping& mapping) {
    std::vector<PlacedTablespace> tablespaces;
    for (const auto& [oid, production_path] : TRY(read_production_paths(backup))) {
        TRY(backup::require_archive(backup, oid, production_path));
        PlacedTablespace tablespace{.oid = oid, .production_path = production_path};
        if (const auto found = mapping.find(production_path); found != mapping.end()) tablespace.here = found->second;
        tablespaces.push_back(std::move(tablespace));
    }
    return tablespaces;
}

Result<WalSize> measure_wal(const backup::Backup& backup, backup::Wal wal) {
    if (backup.format == backup::Format::plain) {
        return WalSize{.bytes = TRY(size_of_tree(backup.directory / "pg_wal"))};
    }
    const auto archive = std::find_if(backup.archives.begin(), backup.archives.end(), [](const backup::Archive& found) {
        return found.kind == backup::Archive::Kind::wal;
    });
    const bool has_archive = archive != backup.archives.end();
    std::error_code error;
    if (has_archive && archive->path.extension() == ".tar") {
        const std::uintmax_t bytes = stdfs::file_size(archive->path, error);
        if (!error) return WalSize{.bytes = bytes};
    }
    if (!has_archive && wal == backup::Wal::elsewhere) return WalSize{};
    return WalSize{.bytes = estimate_wal(backup.manifest), .is_estimated = true};
}

bool FileSystemNeed::is_estimated() const {
    return std::any_of(needs.begin(), needs.end(), [](const Need& need) { return need.is_estimated; });
}

Status require_places(const std::vector<PlacedTablespace>& tablespaces, const std::string& backup_label) {
    std::map<fs::Path, std::string> taken;
    for (const PlacedTablespace& tablespace : tablespaces) {
        if (tablespace.here) {
            const auto [other, is_new] = taken.emplace(tablespace.here->lexically_normal(), tablespace.production_path);
            if (is_new) continue;
            return Error{Errc::configuration,
                         fmt::format("tablespaces '{}' and '{}' of backup '{}' both go to '{}'", other->second,
                                     tablespace.production_path, backup_label, tablespace.here->string()),
                         "Give each a place of its own in polygon.tablespaces."};
        }
        return Error{
            Errc::configuration,
            fmt::format("tablespace '{}' of backup '{}' has no place here", tablespace.production_path, backup_label),
            fmt::format("Add \"tablespaces: {{{}: /where/here}}\" to the polygon section.",
                        tablespace.production_path)};
    }
    return {};
}

Result<std::vector<FileSystemNeed>> measure_space(const backup::Backup& backup, const WalSize& wal,
                                                  const fs::Path& data_directory,
                                                  const std::vector<PlacedTablespace>& tablespaces,
                                                  const std::string& tablespace_suffix, Rewriting rewriting) {
    const Bytes result = TRY(result_bytes(backup, wal, tablespaces));
    const Bytes unpacked = unpacked_bytes(backup, wal, tablespaces);
    const Bytes rewritten = rewriting == Rewriting::none ? Bytes() : rewritten_bytes(backup, tablespaces);
    const bool is_estimated = !backup.earlier.empty();
    FileSystems file_systems;
    const auto add = [&](std::uint32_t oid, const std::string& what, const fs::Path& path) -> Status {
        const auto bytes_in = [oid](const Bytes& bytes) { return bytes.contains(oid) ? bytes.at(oid) : 0; };
        const std::uint64_t left_over = TRY(fs::used_bytes(path));
        TRY(file_systems.add({what, path, bytes_in(result), is_estimated}, left_over));
        if (rewritten.contains(oid))
            TRY(file_systems.add({what + ": masking.rewrite", path, bytes_in(rewritten), true}, 0));
        if (!unpacked.contains(oid)) return {};
        return file_systems.add({what + ": unpacked backups", path, bytes_in(unpacked)}, 0);
    };
    TRY(add(0, "data directory", data_directory));
    for (const PlacedTablespace& tablespace : tablespaces) {
        if (!tablespace.here) continue;
        TRY(add(tablespace.oid, fmt::format("tablespace {}", tablespace.oid),
                tablespace.here->string() + tablespace_suffix));
    }
    return file_systems.list();
}

Rewriting rewriting_of(const sanitize::Policy& policy) {
    return policy.old_rows == sanitize::OldRows::rewritten ? Rewriting::largest_table : Rewriting::none;
}

Status require_space(const std::vector<FileSystemNeed>& file_systems) {
    for (const FileSystemNeed& file_system : file_systems) {
        if (file_system.is_enough()) continue;
        return Error{Errc::no_space,
                     fmt::format("the file system of {} has {} free, and {}{} are needed", describe(file_system),
                                 cli::human_bytes(file_system.room_bytes()), file_system.is_estimated() ? "about " : "",
                                 cli::human_bytes(file_system.needed_bytes)),
                     fmt::format("Make {} more room, or restore to another file system.",
                                 cli::human_bytes(file_system.needed_bytes - file_system.room_bytes()))};
    }
    return {};
}

Status require_space_for(const backup::RestoreRequest& request, Rewriting rewriting) {
    const std::vector<PlacedTablespace> tablespaces = TRY(find_tablespaces(request.backup, request.tablespaces));
    const WalSize wal = TRY(measure_wal(request.backup, request.wal));
    return require_space(TRY(
        measure_space(request.backup, wal, request.data_directory, tablespaces, request.tablespace_suffix, rewriting)));
}

}  // namespace polygon::bootstrap
