#include "bootstrap/restore/linked_places.h"

#include <fmt/format.h>
#include <unistd.h>

#include "common/fs/file.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using postgres::Path;

Status add_target(const Path& link, std::vector<Path>& targets) {
    if (!TRY(fs::is_link(link))) return {};
    std::error_code error;
    const Path target = stdfs::read_symlink(link, error);
    if (error) return errno_error(Errc::io, fmt::format("cannot read the link '{}'", link.string()), error.value());
    targets.push_back((link.parent_path() / target).lexically_normal());
    return {};
}

Path nearest_existing(Path path) {
    std::error_code error;
    while (!stdfs::exists(path, error) && path != path.parent_path())
        path = path.parent_path();
    return path;
}

Status require_movable_place(const std::string& what, Path place) {
    if (!place.has_filename()) place = place.parent_path();  // "/fast/"
    // A link is renamed itself, whatever is mounted behind it.
    if (!TRY(fs::is_link(place)) && fs::is_mount_point(place)) {
        return Error{Errc::data_directory_invalid,
                     fmt::format("{} '{}' is a mount point and cannot be renamed", what, place.string()),
                     "Let it be a subdirectory of the mount, in a directory of Patroni's user."};
    }
    const Path parent = nearest_existing(place.parent_path());
    if (::access(parent.c_str(), W_OK | X_OK) == 0) return {};
    return Error{
        Errc::data_directory_invalid,
        fmt::format("{} '{}' cannot be renamed: '{}' cannot be written", what, place.string(), parent.string()),
        fmt::format("Let '{}' belong to Patroni's user, or name another place.", parent.string())};
}

}  // namespace

Result<std::vector<Path>> list_link_targets(const Path& data_directory) {
    std::vector<Path> targets;
    TRY(add_target(data_directory / "pg_wal", targets));
    const Path tablespaces = data_directory / "pg_tblspc";
    if (!TRY(fs::is_there(tablespaces))) return targets;
    std::error_code error;
    for (stdfs::directory_iterator entry(tablespaces, error), end; !error && entry != end; entry.increment(error))
        TRY(add_target(entry->path(), targets));
    if (!error) return targets;
    return errno_error(Errc::io, fmt::format("cannot list '{}'", tablespaces.string()), error.value());
}

Status require_links_movable(const postgres::Places& places, const patroni::TextMap& tablespaces) {
    for (const Path& target : TRY(list_link_targets(places.data)))
        TRY(require_movable_place(fmt::format("what a link of '{}' points to,", places.data.string()), target));
    for (const auto& [production, here] : tablespaces)
        TRY(require_movable_place(fmt::format("the place of tablespace '{}',", production), here));
    return {};
}

}  // namespace polygon::bootstrap
