#include "bootstrap/restore/sources/incoming.h"

#include <cerrno>

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/backup/tablespaces.h"
#include "common/base/printable.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr const char* kIncoming = "incoming";
constexpr const char* kTablespaces = "pg_tblspc";
constexpr const char* kHeldControlFile = "pg_control";
constexpr std::uintmax_t kMostBytesTold = 1U << 20;

Error directory_error(std::string_view action, const fs::Path& path, const std::error_code& error) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), error.value());
}

Result<std::vector<fs::Path>> list(const fs::Path& directory) {
    std::vector<fs::Path> paths;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error))
        paths.push_back(entry->path());
    if (error && error != std::errc::no_such_file_or_directory) return directory_error("list", directory, error);
    return paths;
}

Status make_directory(const fs::Path& path, mode_t mode) {
    if (::mkdir(path.c_str(), mode) != 0) {
        return errno_error(Errc::io, fmt::format("cannot create '{}'", path.string()), errno);
    }
    if (::chmod(path.c_str(), mode) == 0) return {};  // whatever the umask is
    return errno_error(Errc::io, fmt::format("cannot change the mode of '{}'", path.string()), errno);
}

bool is_beneath(const fs::Path& path, const fs::Path& directory) {
    const fs::Path relative = path.lexically_normal().lexically_relative(directory.lexically_normal());
    return !relative.empty() && *relative.begin() != "..";
}

Error misplaced(const fs::Path& place, std::string_view reason) {
    return {Errc::configuration, fmt::format("a tablespace cannot go to '{}': {}", place.string(), reason),
            "Give each tablespace an empty directory of its own, outside the data directory."};
}

Status check_place(const postgres::Places& places, const fs::Path& place,
                   const std::function<bool(std::string_view)>& may_be_there) {
    for (const fs::Path& directory : {places.data, places.staged, places.previous}) {
        if (is_beneath(place, directory)) return misplaced(place, "it is in the data directory");
    }
    const std::size_t entries = TRY(backup::count_entries(place, may_be_there));
    if (entries == 0) return {};
    return Error{Errc::data_directory_occupied,
                 fmt::format("directory '{}' for a tablespace is not empty ({} entries)", place.string(), entries),
                 "Move it away, or choose another place for the tablespace."};
}

// Links apart: whether PostgreSQL itself would write such an entry.
bool is_usual(const stdfs::file_status& status) {
    return status.type() == stdfs::file_type::regular || status.type() == stdfs::file_type::directory;
}

Error refused(const std::string& name, std::string_view what) {
    return {Errc::backup_corrupt, fmt::format("the clone is refused: '{}' {}", printable(name), what),
            "It may lead to production's own files; let the tool write plain files and directories."};
}

Status check_link(const fs::Path& link, const std::string& name, const std::set<fs::Path>& tablespaces) {
    std::error_code error;
    const fs::Path target = stdfs::read_symlink(link, error);
    if (error) return directory_error("read the link", link, error);
    const std::string told = fmt::format("is a link to '{}'", printable(target.string()));
    if (fs::Path(name).parent_path() != kTablespaces) return refused(name, told);
    if (tablespaces.contains(target.lexically_normal())) {
        if (stdfs::is_directory(link, error)) return {};
        return Error{Errc::backup_incomplete,
                     fmt::format("tablespace '{}' is incomplete: '{}' is not there", name, printable(target.string())),
                     "Let the tool restore the tablespace's files to that place."};
    }
    std::string known;
    for (const fs::Path& tablespace : tablespaces)
        known += fmt::format("{}'{}'", known.empty() ? "" : ", ", tablespace.string());
    return Error{Errc::backup_corrupt, fmt::format("the clone is refused: tablespace '{}' {}", name, told),
                 known.empty() ? "Name its place in polygon.tablespaces, and let the tool put it there with '.staged' "
                                 "behind the name."
                               : fmt::format("By polygon.tablespaces it has to be in {}: tell the tool.", known)};
}

Status check_below(const fs::Path& root, const std::string& prefix, const std::set<fs::Path>& tablespaces,
                   const LeftOut& is_left_out) {
    std::error_code error;
    for (stdfs::recursive_directory_iterator entry(root, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = prefix + entry->path().lexically_relative(root).string();
        const stdfs::file_status status = entry->symlink_status(error);
        if (error || is_usual(status) || (is_left_out && is_left_out(name))) continue;
        if (status.type() != stdfs::file_type::symlink) return refused(name, "is no regular file");
        TRY(check_link(entry->path(), name, tablespaces));
    }
    if (error && error != std::errc::no_such_file_or_directory) return directory_error("read", root, error);
    return {};
}

// One directory of what came in, and of the tablespaces that its links lead to.
class Removal {
  public:
    Removal(const LeftOut& is_left_out, const backup::LeftOutFile& tell) : is_left_out_(is_left_out), tell_(tell) {}

    // `prefix` is the directory's path in the data directory, with a slash behind it unless it is that itself.
    Status clean(const fs::Path& directory, const std::string& prefix) const {
        for (const fs::Path& path : TRY(list(directory)))
            TRY(take(path, prefix + path.filename().string()));
        return {};
    }

  private:
    Status take(const fs::Path& path, const std::string& name) const {
        std::error_code error;
        const bool is_link = stdfs::is_symlink(stdfs::symlink_status(path, error));
        const bool is_tablespace = is_link && fs::Path(name).parent_path() == kTablespaces;
        if (stdfs::is_directory(path, error) && (!is_link || is_tablespace)) {
            TRY(clean(path, name + "/"));
            return is_left_out_(name) ? remove_if_empty(path) : Status();
        }
        if (!is_left_out_(name)) return {};
        // A link to a folder stands for what is in that.
        if (tell_) TRY(tell_(stdfs::is_directory(path, error) ? name + "/" : name, content_of(path, name)));
        return fs::remove_file(path);
    }

    static std::optional<std::string> content_of(const fs::Path& path, const std::string& name) {
        std::error_code error;
        const bool is_small = stdfs::is_regular_file(stdfs::symlink_status(path, error)) &&
                              stdfs::file_size(path, error) <= kMostBytesTold && !error;
        if (!is_small || name.find('/') != std::string::npos) return std::nullopt;
        Result<std::string> content = fs::read_file(path);
        return content ? std::optional(std::move(*content)) : std::nullopt;
    }

    // What files.keep names below it stays.
    static Status remove_if_empty(const fs::Path& directory) {
        if (::rmdir(directory.c_str()) == 0 || errno == ENOTEMPTY || errno == EEXIST) return {};
        return errno_error(Errc::io, fmt::format("cannot remove '{}'", directory.string()), errno);
    }

    const LeftOut& is_left_out_;
    const backup::LeftOutFile& tell_;
};

Status move_to(const fs::Path& from, const fs::Path& to) {
    if (::rename(from.c_str(), to.c_str()) == 0) return {};
    return errno_error(Errc::io, fmt::format("cannot rename '{}' to '{}'", from.string(), to.string()), errno);
}

// Over the links that were made beforehand, which carry the same names or go.
Status move_tablespaces(const fs::Path& incoming, const fs::Path& staged) {
    const fs::Path reserved = staged / kTablespaces;
    std::error_code error;
    stdfs::create_directory(reserved, error);
    if (error) return directory_error("create", reserved, error);
    std::set<std::string> come;
    for (const fs::Path& path : TRY(list(incoming / kTablespaces))) {
        TRY(move_to(path, reserved / path.filename()));
        come.insert(path.filename().string());
    }
    for (const fs::Path& path : TRY(list(reserved))) {
        if (!come.contains(path.filename().string())) TRY(fs::remove_file(path));
    }
    return {};
}

Status move_entry(const fs::Path& path, const fs::Path& staged) {
    const std::string name = path.filename().string();
    if (name == kTablespaces || name == kHeldControlFile) return {};
    // The manifest does not describe what is moved up, and the links are made.
    if (name == "backup_manifest" || name == "tablespace_map") return fs::remove_tree(path);
    return move_to(path, staged / name);
}

// An '=' would end the path.
std::string escape_path(const std::string& path) {
    std::string escaped;
    for (const char c : path) {
        if (c == '=') escaped += '\\';
        escaped += c;
    }
    return escaped;
}

}  // namespace

Result<fs::Path> open_incoming(const fs::Path& staged) {
    const fs::Path incoming = staged / kIncoming;
    TRY(make_directory(incoming, 0701));
    return incoming;
}

Status reserve_tablespaces(const postgres::Places& places, const std::map<std::string, fs::Path>& tablespaces,
                           const std::function<bool(std::string_view)>& may_be_there) {
    for (const auto& [name, place] : tablespaces) {
        // Mostly an OID, but as a server says it.
        if (name.empty() || name.starts_with('.') || name.find('/') != std::string::npos)
            return refused(name, "is no name of a tablespace's link");
        TRY(check_place(places, place, may_be_there));
        for (const auto& [other_name, other] : tablespaces) {
            if (other_name != name && is_beneath(place, other)) return misplaced(place, "another one goes there");
        }
    }
    if (tablespaces.empty()) return {};
    TRY(make_directory(places.staged / kTablespaces, 0700));
    for (const auto& [name, place] : tablespaces)
        TRY(fs::replace_link(places.staged / kTablespaces / name, place));
    return {};
}

std::string tablespace_option(const fs::Path& from, const fs::Path& to) {
    return fmt::format("--tablespace-mapping={}={}", escape_path(from.string()), escape_path(to.string()));
}

Status check_entries(const fs::Path& incoming, const std::set<fs::Path>& tablespaces, const LeftOut& is_left_out) {
    TRY(check_below(incoming, "", tablespaces, is_left_out));
    for (const fs::Path& tablespace : tablespaces)
        TRY(check_below(tablespace, tablespace.string() + "/", {}, {}));
    return {};
}

Status remove_left_out(const fs::Path& incoming, const LeftOut& is_left_out, const backup::LeftOutFile& tell) {
    return Removal(is_left_out, tell).clean(incoming, "");
}

Status move_up(const fs::Path& staged) {
    const fs::Path incoming = staged / kIncoming;
    TRY(fs::rename_durably(incoming / "global" / "pg_control", incoming / kHeldControlFile));
    for (const fs::Path& path : TRY(list(incoming)))
        TRY(move_entry(path, staged));
    TRY(move_tablespaces(incoming, staged));
    TRY(postgres::flush_data_directory(staged));
    TRY(fs::rename_durably(incoming / kHeldControlFile, staged / "global" / "pg_control"));
    return fs::remove_tree(incoming);
}

}  // namespace polygon::bootstrap
