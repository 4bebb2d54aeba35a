#include "bootstrap/restore/production_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <memory>
#include <set>

#include <dirent.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootstrap/restore/carried_over.h"
#include "common/backup/output/beneath.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr off_t kMostBytes = 1 << 20;

constexpr std::array<std::string_view, 6> kOwnFiles = {"PG_VERSION",      "backup_label", "tablespace_map",
                                                       "backup_manifest", "polygon.json", "postgresql.conf"};

// A directory beneath the root, whatever links somebody has put in the way.
fs::Fd open_beneath(const fs::Path& root, const fs::Path& directory) {
    fs::Fd base(::open(root.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    if (!base.is_open() || directory.empty()) return base;
    return backup::open_directory_beneath(base, directory.string(), backup::available_resolution());
}

std::optional<std::string> read_all(const fs::Fd& file) {
    struct stat found = {};
    if (::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode) || found.st_size > kMostBytes) return std::nullopt;
    std::string content(static_cast<std::size_t>(found.st_size), '\0');
    std::size_t done = 0;
    while (done < content.size()) {
        const ssize_t count = ::read(file.get(), content.data() + done, content.size() - done);
        if (count <= 0) return std::nullopt;
        done += static_cast<std::size_t>(count);
    }
    return content;
}

std::optional<std::string> read_beneath(const fs::Path& root, const fs::Path& path) {
    const fs::Fd directory = open_beneath(root, path.parent_path());
    if (!directory.is_open()) return std::nullopt;
    // O_NONBLOCK: a FIFO without a writer would hold us up.
    const fs::Fd file(
        ::openat(directory.get(), path.filename().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    return file.is_open() ? read_all(file) : std::nullopt;
}

bool is_regular(const stdfs::directory_entry& entry) {
    std::error_code error;
    return entry.symlink_status(error).type() == stdfs::file_type::regular && !error;
}

constexpr int kDeepestFolder = 64;  // each holds a descriptor while it is emptied

struct Close {
    void operator()(DIR* entries) const { ::closedir(entries); }
};

// Before any of them is removed: readdir(3) may pass over some while others go. Nothing if it cannot be read, see
// errno.
std::optional<std::vector<std::string>> names_in(const fs::Fd& directory) {
    const int own = ::fcntl(directory.get(), F_DUPFD_CLOEXEC, 0);  // closedir() closes it
    const std::unique_ptr<DIR, Close> entries(own < 0 ? nullptr : ::fdopendir(own));
    if (!entries) return std::nullopt;
    std::vector<std::string> names;
    while (const dirent* entry = ::readdir(entries.get())) {
        const std::string name = entry->d_name;
        if (name != "." && name != "..") names.push_back(name);
    }
    return names;
}

// Nothing is followed: each directory is opened from its parent's descriptor. 0, or errno.
int empty_directory(const fs::Fd& directory, int depth) {
    if (depth > kDeepestFolder) return ELOOP;
    const auto names = names_in(directory);
    if (!names) return errno;
    for (const std::string& name : *names) {
        if (::unlinkat(directory.get(), name.c_str(), 0) == 0) continue;
        if (errno != EISDIR && errno != EPERM) return errno;
        const fs::Fd below(::openat(directory.get(), name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!below.is_open()) return errno;
        if (const int error = empty_directory(below, depth + 1)) return error;
        if (::unlinkat(directory.get(), name.c_str(), AT_REMOVEDIR) != 0) return errno;
    }
    return 0;
}

// As log_destination makes them: stderr's by their usual name, csvlog, jsonlog.
bool is_log_at_top(const std::string& name) {
    return name.ends_with(".log") || name.ends_with(".csv") || (name.ends_with(".json") && name != "polygon.json");
}

}  // namespace

bool may_be_taken_out(std::string_view path) {
    if (std::find(kOwnFiles.begin(), kOwnFiles.end(), path) != kOwnFiles.end()) return false;
    if (path.ends_with(".conf")) return true;
    const bool is_at_top = path.find('/') == std::string_view::npos;
    return is_at_top || !(path.starts_with("base/") || path.starts_with("global/") || path.starts_with("pg_"));
}

void tell_configuration(const fs::Path& directory, const backup::LeftOutFile& tell) {
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (is_regular(*entry) && is_configuration(name)) tell(name, read_beneath(directory, name));
    }
    const fs::Path folder = directory / kConfigurationFolder;
    if (!stdfs::is_directory(stdfs::symlink_status(folder, error))) return;
    for (stdfs::recursive_directory_iterator entry(folder, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().lexically_relative(directory).string();
        if (is_regular(*entry)) tell(name, read_beneath(directory, name));
    }
}

void ProductionFiles::keep(const std::string& path, const std::optional<std::string>& content) {
    if (is_configuration(path)) kept_[path] = content;
}

std::optional<std::string> ProductionFiles::read(const std::string& path) const {
    if (const auto kept = kept_.find(path); kept != kept_.end()) return kept->second;
    // In the clone such a file is ours: the bar against a start.
    if (is_left_out(path) || !may_be_taken_out(path)) return std::nullopt;
    return read_beneath(clone_, path);
}

bool ProductionFiles::has(const std::string& path) const {
    if (kept_.contains(path)) return true;
    const fs::Fd directory = open_beneath(clone_, fs::Path(path).parent_path());
    struct stat found = {};
    return !is_left_out(path) && directory.is_open() &&
           ::fstatat(directory.get(), fs::Path(path).filename().c_str(), &found, AT_SYMLINK_NOFOLLOW) == 0 &&
           S_ISREG(found.st_mode);
}

std::vector<std::string> ProductionFiles::list(const std::string& directory) const {
    std::set<std::string> names;
    const std::string prefix = directory.empty() ? "" : directory + "/";
    for (const auto& [path, content] : kept_) {
        if (path.starts_with(prefix) && path.find('/', prefix.size()) == std::string::npos)
            names.insert(path.substr(prefix.size()));
    }
    if (!open_beneath(clone_, directory).is_open()) return {names.begin(), names.end()};
    std::error_code error;
    for (stdfs::directory_iterator entry(clone_ / directory, error), end; !error && entry != end;
         entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (is_regular(*entry) && !is_left_out(prefix + name)) names.insert(name);
    }
    return {names.begin(), names.end()};
}

bool ProductionFiles::has_directory(const std::string& directory) const {
    return open_beneath(clone_, directory).is_open();
}

Status ProductionFiles::take_out_logs(const std::string& directory) const {
    if (directory.empty()) {
        std::vector<std::string> logs;
        for (const std::string& name : list(directory)) {
            if (is_log_at_top(name)) logs.push_back(name);
        }
        return take_out(logs);
    }
    if (is_in_own_folder(directory)) return {};
    const fs::Fd opened = open_beneath(clone_, directory);
    if (!opened.is_open()) return {};
    const int error = empty_directory(opened, 0);
    if (error == 0) return {};
    return errno_error(Errc::io, fmt::format("cannot empty '{}'", (clone_ / directory).string()), error);
}

Status ProductionFiles::take_out(const std::vector<std::string>& paths) const {
    for (const fs::Path path : paths) {
        if (is_left_out(path.string()) || !may_be_taken_out(path.string())) continue;
        const fs::Fd directory = open_beneath(clone_, path.parent_path());
        if (!directory.is_open() && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP || errno == EXDEV)) continue;
        if (directory.is_open() && ::unlinkat(directory.get(), path.filename().c_str(), 0) == 0) continue;
        if (errno == ENOENT) continue;
        return errno_error(Errc::io, fmt::format("cannot remove '{}'", (clone_ / path).string()), errno);
    }
    return {};
}

}  // namespace polygon::bootstrap
