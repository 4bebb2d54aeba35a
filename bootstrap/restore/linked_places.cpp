#include "bootstrap/restore/linked_places.h"

#include <algorithm>

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

// A directory that is renamed as a whole, and what it is.
struct MovedPlace {
    std::string what;
    Path path;
};

// Without a slash at its end, and behind the links that lead to where it is. The last component may be a link itself:
// then the link is renamed.
Path resolve(Path path) {
    path = path.lexically_normal();
    if (!path.has_filename()) path = path.parent_path();
    std::error_code error;
    const Path parent = stdfs::weakly_canonical(path.parent_path(), error);
    return error ? path : parent / path.filename();
}

// Strictly.
bool is_inside(const Path& path, const Path& directory) {
    const auto [at, ignored] = std::mismatch(directory.begin(), directory.end(), path.begin(), path.end());
    return at == directory.end() && path != directory;
}

Status require_apart(const MovedPlace& inner, const MovedPlace& outer) {
    for (const char* suffix : {"", postgres::kStagedSuffix, postgres::kPreviousSuffix, postgres::kFailedSuffix}) {
        const Path renamed = resolve(outer.path).string() + suffix;
        if (!is_inside(resolve(inner.path), renamed)) continue;
        return Error{Errc::configuration,
                     fmt::format("{} '{}' is in '{}', which is renamed together with {} '{}'", inner.what,
                                 inner.path.string(), renamed.string(), outer.what, outer.path.string()),
                     "Give the data directory, a pg_wal elsewhere and each tablespace directories of their own, none "
                     "in another."};
    }
    return {};
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

Status require_usable_places(const postgres::Places& places, const patroni::TextMap& tablespaces) {
    std::vector<MovedPlace> linked;
    for (const Path& target : TRY(list_link_targets(places.data)))
        linked.push_back({fmt::format("what a link of '{}' points to,", places.data.string()), target});
    for (const auto& [production, here] : tablespaces)
        linked.push_back({fmt::format("the place of tablespace '{}',", production), here});
    std::vector<MovedPlace> all = linked;
    all.push_back({"data directory", places.data});
    for (const MovedPlace& place : all) {
        TRY(postgres::require_plain_name(place.what, place.path));
        for (const MovedPlace& other : all)
            TRY(require_apart(place, other));
    }
    for (const MovedPlace& place : linked)
        TRY(require_movable_place(place.what, place.path));
    return {};
}

}  // namespace polygon::bootstrap
