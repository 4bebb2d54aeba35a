#include "common/postgres/data_directory.h"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fs/file.h"
#include "common/postgres/completeness.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

constexpr const char* kReplacedBy = "polygon-replaced-by";
constexpr const char* kControlFile = "global/pg_control";
constexpr const char* kRemoving = "polygon-removing";  // pg_control, from the removal's first step to its last
constexpr int kMostHops = 40;                          // as the kernel follows links

Error directory_error(std::string_view action, const Path& path, const std::error_code& error) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), error.value());
}

Result<std::vector<std::string>> list_all(const Path& directory) {
    std::vector<std::string> names;
    if (!TRY(fs::is_there(directory))) return names;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    if (error) return directory_error("list", directory, error);
    std::sort(names.begin(), names.end());
    return names;
}

// The symbolic links through which a data directory reaches elsewhere: tablespaces, and pg_wal.
Result<std::vector<Path>> list_links(const Path& data_directory) {
    std::vector<Path> paths;
    const Path tablespaces = data_directory / "pg_tblspc";
    for (const std::string& name : TRY(list_all(tablespaces))) {
        if (!name.starts_with('.')) paths.push_back(tablespaces / name);  // else left by a replace_link() that crashed
    }
    paths.push_back(data_directory / "pg_wal");
    std::vector<Path> links;
    for (const Path& path : paths) {
        if (TRY(fs::is_link(path))) links.push_back(path);
    }
    return links;
}

std::string without_suffix(std::string name) {
    for (const std::string suffix : {kStagedSuffix, kPreviousSuffix}) {
        if (name.ends_with(suffix)) return name.substr(0, name.size() - suffix.size());
    }
    return name;
}

Result<Path> read_link(const Path& link) {
    std::error_code error;
    Path target = stdfs::read_symlink(link, error);
    if (error) return directory_error("read the link", link, error);
    return (link.parent_path() / target).lexically_normal();  // an absolute target stays as it is
}

// "/data/" names what the link "/data" leads to, not the link.
Path without_slash(const Path& data_directory) {
    Path data = data_directory.lexically_normal();
    return data.has_filename() ? data : data.parent_path();
}

// Renames what the links point at and re-points them. A repeat after a crash finds either name.
Status move_link_targets(const Path& data_directory, const std::string& suffix) {
    for (const Path& link : TRY(list_links(data_directory))) {
        const Path target = TRY(read_link(link));
        const Path renamed = without_suffix(target.string()) + suffix;
        if (renamed == target) continue;
        if (TRY(fs::is_there(target))) {
            if (suffix == kPreviousSuffix) TRY(fs::remove_tree(renamed));
            TRY(fs::rename_durably(target, renamed));
        }
        TRY(fs::replace_link(link, renamed));
    }
    return {};
}

// The reverse of move_link_targets(…, kPreviousSuffix), which may have ended anywhere. What stands at the place of a
// target that was set aside has come there since.
Status bring_link_targets_back(const Path& data_directory) {
    for (const Path& link : TRY(list_links(data_directory))) {
        const Path target = TRY(read_link(link));
        const Path place = without_suffix(target.string());
        const Path aside = place.string() + kPreviousSuffix;
        if (TRY(fs::is_there(aside)) && (target == aside || !TRY(fs::is_there(place)))) {
            TRY(fs::remove_tree(place));
            TRY(fs::rename_durably(aside, place));
        }
        if (target != place) TRY(fs::replace_link(link, place));
    }
    return {};
}

// A tablespace whose disk is not mounted now would stay behind under its old name. A set_aside() that did not end may
// have renamed the target already.
Status require_link_targets(const Path& data_directory) {
    for (const Path& link : TRY(list_links(data_directory))) {
        const Path target = TRY(read_link(link));
        const Path aside = without_suffix(target.string()) + kPreviousSuffix;
        if (TRY(fs::is_there(target)) || TRY(fs::is_there(aside))) continue;
        return Error{Errc::io,
                     fmt::format("the link '{}' leads to '{}', which is not there", link.string(), target.string()),
                     "Mount the disk that it is on; if the directory is lost, create it empty, or remove the link."};
    }
    return {};
}

Status require_not_less_than_previous(const Places& places) {
    if (TRY(read_completeness(places.data)) >= TRY(read_completeness(places.previous))) return {};
    return Error{Errc::conflict,
                 fmt::format("'{}' is less complete than '{}', and does not replace it", places.data.string(),
                             places.previous.string()),
                 "Look at both, and remove the one that nobody needs."};
}

// Whether it may be what a put_in_place() that did not end has moved there.
Result<bool> belongs_to_staged(const Places& places, const Path& place) {
    if (TRY(fs::is_there(place.string() + kStagedSuffix))) return false;
    for (const Path& link : TRY(list_links(places.staged))) {
        if (without_suffix(TRY(read_link(link)).string()) == place) return true;
    }
    return false;
}

}  // namespace

Places find_places(const Path& data_directory) {
    Path data = without_slash(data_directory);
    std::error_code error;
    // Behind links, dangling ones too: the companions are on the file system that the link was made for, the link
    // stays.
    for (int hops = 0; hops < kMostHops && stdfs::is_symlink(stdfs::symlink_status(data, error)); ++hops) {
        data = (data.parent_path() / stdfs::read_symlink(data, error)).lexically_normal();
    }
    return {.data = data, .staged = data.string() + kStagedSuffix, .previous = data.string() + kPreviousSuffix};
}

Status ensure_link_target(const Path& data_directory) {
    const Places places = find_places(data_directory);
    const bool is_link = TRY(fs::is_link(without_slash(data_directory)));
    if (!is_link || TRY(fs::is_there(places.data)) || ::mkdir(places.data.c_str(), 0700) == 0) return {};
    return errno_error(Errc::io, fmt::format("cannot create '{}'", places.data.string()), errno);
}

Result<int> read_major_version(const Path& data_directory) {
    const Path file = data_directory / "PG_VERSION";
    const int version = std::atoi(TRY(fs::read_file(file)).c_str());
    if (version > 0) return version;
    return Error{Errc::data_directory_invalid, fmt::format("'{}' names no version", file.string()), ""};
}

// Its process id is the file's first line (PostgreSQL src/backend/utils/init/miscinit.c).
Result<std::optional<pid_t>> read_postmaster(const Path& data_directory) {
    const auto text = TRY(fs::read_file_if_there(data_directory / "postmaster.pid"));
    const pid_t pid = text ? std::atoi(text->c_str()) : 0;
    if (pid <= 0) return std::optional<pid_t>();
    struct stat here = {};
    struct stat there = {};
    if (::stat(data_directory.c_str(), &here) != 0)
        return errno_error(Errc::io, fmt::format("cannot look at '{}'", data_directory.string()), errno);
    if (::stat(fmt::format("/proc/{}/cwd", pid).c_str(), &there) == 0) {
        const bool works_there = here.st_dev == there.st_dev && here.st_ino == there.st_ino;
        return works_there ? std::optional(pid) : std::optional<pid_t>();
    }
    // Hidden though it is of our user, as a postgres with file capabilities is: then PostgreSQL's own test counts
    // (CreateLockFile(), same file).
    const bool is_hidden = errno != ENOENT;
    return is_hidden && ::kill(pid, 0) == 0 ? std::optional(pid) : std::optional<pid_t>();
}

Status require_plain_name(const std::string& what, const Path& place) {
    const std::string name = without_slash(place).string();
    for (const char* suffix : {kStagedSuffix, kPreviousSuffix, kFailedSuffix}) {
        if (!name.ends_with(suffix)) continue;
        return Error{Errc::configuration,
                     fmt::format("{} '{}' ends in '{}', which a rebuild and Patroni give to what they rename", what,
                                 place.string(), suffix),
                     fmt::format("Choose a name that does not end in {}, {} or {}.", kStagedSuffix, kPreviousSuffix,
                                 kFailedSuffix)};
    }
    return {};
}

Status require_movable(const Places& places) {
    const bool is_mounted = fs::is_mount_point(places.data);
    const Path parent = places.data.parent_path();
    std::error_code error;
    if (!is_mounted && (!stdfs::exists(parent, error) || ::access(parent.c_str(), W_OK | X_OK) == 0)) return {};
    return Error{Errc::data_directory_invalid,
                 is_mounted
                     ? fmt::format("data directory '{}' is a mount point and cannot be renamed", places.data.string())
                     : fmt::format("'{}', the parent of the data directory, cannot be written", parent.string()),
                 "Let postgresql.data_dir be a subdirectory of the mount, in a directory of Patroni's user."};
}

Result<std::vector<std::string>> list_entries(const Path& directory) {
    std::vector<std::string> names = TRY(list_all(directory));
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.') || name == "lost+found"; });
    return names;
}

Status require_empty(const Path& data_directory) {
    const std::vector<std::string> entries = TRY(list_entries(data_directory));
    if (entries.empty()) return {};
    return Error{Errc::data_directory_occupied,
                 fmt::format("data directory '{}' is not empty ({} entries)", data_directory.string(), entries.size()),
                 "Move it away, or start the node under polygon-entrypoint, which sets it aside."};
}

Status flush_data_directory(const Path& directory) {
    for (const Path& link : TRY(list_links(directory)))
        TRY(fs::flush_filesystem(link));
    return fs::flush_filesystem(directory);
}

Status remove_data_directory(const Path& directory, LinkTargets targets) {
    if (TRY(fs::is_there(directory / kControlFile)))
        TRY(fs::rename_durably(directory / kControlFile, directory / kRemoving));
    for (const Path& link : TRY(list_links(directory))) {
        const Path target = TRY(read_link(link));
        const bool has_suffix = without_suffix(target.string()) != target.string();
        if (has_suffix || targets == LinkTargets::all) TRY(fs::remove_tree(target));
    }
    return fs::remove_tree_with_last(directory, kRemoving);
}

Result<bool> is_half_removed(const Path& directory) {
    return fs::is_there(directory / kRemoving);
}

Status set_aside(const Places& places) {
    if (TRY(list_entries(places.data)).empty()) return {};
    TRY(require_movable(places));
    TRY(require_not_less_than_previous(places));
    TRY(require_link_targets(places.data));
    TRY(remove_data_directory(places.previous, LinkTargets::with_suffix));
    TRY(move_link_targets(places.data, kPreviousSuffix));
    return fs::rename_durably(places.data, places.previous);
}

Result<std::optional<std::string>> replaced_by(const Path& directory) {
    auto generation = TRY(fs::read_file_if_there(directory / kReplacedBy));
    if (generation && !TRY(fs::is_there(directory / kControlFile))) generation.reset();
    return generation;
}

Status set_aside_for(const Places& places, const std::string& generation) {
    if (TRY(list_entries(places.data)).empty()) return {};
    if (TRY(replaced_by(places.previous)) == generation) {
        return Error{Errc::conflict,
                     fmt::format("'{}' was set aside for generation {} already, and '{}' holds other data since",
                                 places.previous.string(), generation, places.data.string()),
                     "Look at both, and remove the one that nobody needs."};
    }
    TRY(require_not_less_than_previous(places));
    TRY(fs::write_file_durably(places.data / kReplacedBy, generation));
    return set_aside(places);
}

Status bring_back(const Places& places, const std::string& generation) {
    if (TRY(replaced_by(places.data)) == generation) {
        TRY(bring_link_targets_back(places.data));
        return fs::remove_file(places.data / kReplacedBy);
    }
    if (TRY(replaced_by(places.previous)) != generation) return {};
    TRY(require_empty(places.data));
    TRY(move_link_targets(places.staged, kStagedSuffix));  // of a put_in_place() that did not end
    TRY(bring_link_targets_back(places.previous));
    TRY(fs::remove_tree(places.data));
    TRY(fs::rename_durably(places.previous, places.data));
    return fs::remove_file(places.data / kReplacedBy);
}

Result<std::vector<Path>> find_leftovers(const Places& places) {
    std::vector<Path> found;
    if (!TRY(list_entries(places.data)).empty()) return found;
    for (const Path& link : TRY(list_links(places.previous))) {
        const Path aside = TRY(read_link(link));
        const Path place = without_suffix(aside.string());
        if (place == aside || !TRY(fs::is_there(aside)) || TRY(list_all(place)).empty()) continue;
        if (!TRY(belongs_to_staged(places, place))) found.push_back(place);
    }
    return found;
}

Status remove_with_leftovers(const Places& places) {
    TRY(remove_data_directory(places.data, LinkTargets::all));
    for (const Path& place : TRY(find_leftovers(places)))
        TRY(fs::remove_tree(place));
    return {};
}

Status take_back(const Places& places) {
    if (TRY(list_entries(places.data)).empty()) return {};
    TRY(require_empty(places.staged));
    TRY(move_link_targets(places.data, kStagedSuffix));
    TRY(fs::remove_tree(places.staged));
    return fs::rename_durably(places.data, places.staged);
}

Status put_in_place(const Places& places) {
    TRY(require_empty(places.data));
    TRY(move_link_targets(places.staged, ""));
    TRY(fs::remove_tree(places.data));  // empty but for dot-files
    return fs::rename_durably(places.staged, places.data);
}

}  // namespace polygon::postgres
