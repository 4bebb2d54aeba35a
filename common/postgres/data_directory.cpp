#include "common/postgres/data_directory.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

constexpr int kMostHops = 40;  // as the kernel follows links
constexpr const char* kInsideFolder = ".polygon";
constexpr const char* kMoving = "moving";  // in D/.polygon: "aside" or "place" while entries are moved one by one

Error directory_error(std::string_view action, const Path& path, const std::error_code& error) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), error.value());
}

Result<std::vector<std::string>> list_all(const Path& directory) {
    std::vector<std::string> names;
    std::error_code error;
    if (!stdfs::exists(stdfs::symlink_status(directory, error))) return names;
    for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        names.push_back(entry->path().filename().string());
    }
    if (error) return directory_error("list", directory, error);
    std::sort(names.begin(), names.end());
    return names;
}

Status make_directory(const Path& directory) {
    std::error_code error;
    stdfs::create_directories(directory, error);
    if (error) return directory_error("create", directory, error);
    return {};
}

// The symbolic links through which a data directory reaches elsewhere: tablespaces, and pg_wal.
Result<std::vector<Path>> list_links(const Path& data_directory) {
    std::vector<Path> links;
    const Path tablespaces = data_directory / "pg_tblspc";
    for (const std::string& name : TRY(list_all(tablespaces)))
        links.push_back(tablespaces / name);
    links.push_back(data_directory / "pg_wal");
    std::erase_if(links, [](const Path& path) {
        std::error_code error;
        return !stdfs::is_symlink(stdfs::symlink_status(path, error));
    });
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
    return target;
}

// Renames what the links point at and re-points them. A repeat after a crash finds either name.
Status move_link_targets(const Path& data_directory, const std::string& suffix) {
    for (const Path& link : TRY(list_links(data_directory))) {
        const Path target = TRY(read_link(link));
        const Path renamed = without_suffix(target.string()) + suffix;
        if (renamed == target) continue;
        std::error_code error;
        if (stdfs::exists(target, error)) {
            if (suffix == kPreviousSuffix) TRY(fs::remove_tree(renamed));
            TRY(fs::rename_durably(target, renamed));
        }
        TRY(fs::replace_link(link, renamed));
    }
    return {};
}

// All but our own folder, with `global` at the chosen end: a directory without it can neither start nor be adopted.
enum class Global { first, last };

Result<std::vector<std::string>> list_movable(const Path& directory, Global order) {
    std::vector<std::string> names = TRY(list_all(directory));
    std::erase_if(names, [](const std::string& name) { return name == kInsideFolder || name == "lost+found"; });
    std::stable_partition(names.begin(), names.end(),
                          [&](const std::string& name) { return (name == "global") == (order == Global::first); });
    return names;
}

Status move_entries(const Path& from, const Path& to, Global order) {
    TRY(make_directory(to));
    for (const std::string& name : TRY(list_movable(from, order)))
        TRY(fs::rename_durably(from / name, to / name));
    return {};
}

Path moving_marker(const Places& places) {
    return places.data / kInsideFolder / kMoving;
}

Status move_inside(const Places& places, const Path& from, const Path& to, std::string_view direction, Global order) {
    TRY(fs::write_file_durably(moving_marker(places), direction));
    TRY(move_entries(from, to, order));
    return fs::remove_file(moving_marker(places));
}

std::string read_direction(const Places& places) {
    return fs::read_file(moving_marker(places)).value_or("");
}

}  // namespace

Places find_places(const Path& data_directory) {
    Path data = data_directory.lexically_normal();
    if (!data.has_filename()) data = data.parent_path();
    std::error_code error;
    // Behind links, dangling ones too: the companions are on the file system that the link was made for, the link
    // stays.
    for (int hops = 0; hops < kMostHops && stdfs::is_symlink(stdfs::symlink_status(data, error)); ++hops) {
        data = (data.parent_path() / stdfs::read_symlink(data, error)).lexically_normal();
    }
    const bool is_inside = stdfs::exists(data, error) &&
                           (fs::is_mount_point(data) || ::access(data.parent_path().c_str(), W_OK | X_OK) != 0);
    if (is_inside) {
        const Path folder = data / kInsideFolder;
        return {.data = data, .staged = folder / "staged", .previous = folder / "previous", .layout = Layout::inside};
    }
    return {.data = data,
            .staged = data.string() + kStagedSuffix,
            .previous = data.string() + kPreviousSuffix,
            .layout = Layout::beside};
}

Result<std::vector<std::string>> list_entries(const Path& directory) {
    std::vector<std::string> names = TRY(list_all(directory));
    std::erase_if(names, [](const std::string& name) { return name.starts_with('.') || name == "lost+found"; });
    return names;
}

Result<int> read_major_version(const Path& data_directory) {
    const Result<std::string> text = fs::read_file(data_directory / "PG_VERSION");
    const int major = text ? std::atoi(text->c_str()) : 0;
    if (major > 0) return major;
    return Error{Errc::data_directory_invalid,
                 fmt::format("'{}' is no data directory: PG_VERSION {}", data_directory.string(),
                             text ? "holds no version" : "is missing"),
                 "Check the path."};
}

Status remove_data_directory(const Path& directory) {
    TRY(fs::remove_tree(directory / "global"));
    for (const Path& link : TRY(list_links(directory))) {
        const Path target = TRY(read_link(link));
        const bool is_ours = without_suffix(target.string()) != target.string();
        if (is_ours) TRY(fs::remove_tree(target));
    }
    return fs::remove_tree(directory);
}

Status set_aside(const Places& places) {
    const bool is_unfinished = places.layout == Layout::inside && read_direction(places) == "aside";
    if (!is_unfinished) {
        if (TRY(list_entries(places.data)).empty()) return {};
        TRY(remove_data_directory(places.previous));
        if (places.layout == Layout::inside) TRY(make_directory(places.previous));
    }
    TRY(move_link_targets(places.data, kPreviousSuffix));
    if (places.layout == Layout::beside) return fs::rename_durably(places.data, places.previous);
    return move_inside(places, places.data, places.previous, "aside", Global::first);
}

Status put_in_place(const Places& places) {
    const std::vector<std::string> entries = TRY(list_entries(places.data));
    if (!entries.empty()) {
        return Error{Errc::data_directory_occupied,
                     fmt::format("data directory '{}' is not empty ({} entries)", places.data.string(), entries.size()),
                     "Move it away, or start the node under polygon-entrypoint, which sets it aside."};
    }
    TRY(move_link_targets(places.staged, ""));
    if (places.layout == Layout::inside) {
        TRY(move_inside(places, places.staged, places.data, "place", Global::last));
        return fs::remove_tree(places.staged);
    }
    TRY(fs::remove_tree(places.data));  // empty but for dot-files
    return fs::rename_durably(places.staged, places.data);
}

Status discard_half(const Places& places) {
    if (places.layout == Layout::beside) return remove_data_directory(places.data);
    for (const std::string& name : TRY(list_movable(places.data, Global::first))) {
        TRY(fs::remove_tree(places.data / name));
    }
    return {};
}

Status clean_up(const Places& places) {
    const std::string direction = places.layout == Layout::inside ? read_direction(places) : "";
    if (direction == "aside") TRY(set_aside(places));
    if (direction == "place") {
        TRY(discard_half(places));
        TRY(fs::remove_file(moving_marker(places)));
    }
    return remove_data_directory(places.staged);
}

}  // namespace polygon::postgres
