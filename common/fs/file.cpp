#include "common/fs/file.h"

#include <cerrno>
#include <cstdio>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace polygon::fs {
namespace {

Error path_error(std::string_view action, const Path& path, int reason) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), reason);
}

Status flush(const Fd& fd, const Path& path) {
    if (fsync(fd.get()) != 0) return path_error("flush", path, errno);
    return {};
}

bool is_absence(int reason) {
    return reason == ENOENT || reason == ENOTDIR;
}

// Its mode; links unfollowed. None if it is not there.
Result<std::optional<mode_t>> look_at(const Path& path) {
    struct stat found = {};
    if (::lstat(path.c_str(), &found) == 0) return std::optional<mode_t>(found.st_mode);
    if (is_absence(errno)) return std::optional<mode_t>();
    return path_error("look at", path, errno);
}

Result<std::string> read_all(const Fd& fd, const Path& path) {
    std::string content;
    char buffer[65536];
    while (true) {
        const ssize_t got = ::read(fd.get(), buffer, sizeof buffer);
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return path_error("read", path, errno);
        if (got == 0) return content;
        content.append(buffer, static_cast<std::size_t>(got));
    }
}

Path name_beside(const Path& path) {
    return path.parent_path() / fmt::format(".{}.new", path.filename().string());
}

Result<Fd> write_new(const Path& path, std::string_view content, mode_t mode) {
    Fd fd = TRY(open_file(path, O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW, mode));
    if (fchmod(fd.get(), mode) != 0) return path_error("set the mode of", path, errno);
    TRY(write_all(fd, std::as_bytes(std::span(content)), path.string()));
    return fd;
}

}  // namespace

Result<Fd> open_file(const Path& path, int flags, mode_t mode) {
    Fd fd(::open(path.c_str(), flags | O_CLOEXEC, mode));
    if (!fd.is_open()) return path_error("open", path, errno);
    return fd;
}

Result<std::string> read_file(const Path& path) {
    return read_all(TRY(open_file(path, O_RDONLY)), path);
}

Result<std::optional<std::string>> read_file_if_there(const Path& path) {
    const Fd fd(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
    if (!fd.is_open() && is_absence(errno)) return std::optional<std::string>();
    if (!fd.is_open()) return path_error("open", path, errno);
    return std::optional(TRY(read_all(fd, path)));
}

Result<bool> is_there(const Path& path) {
    return TRY(look_at(path)).has_value();
}

Result<bool> is_link(const Path& path) {
    const auto mode = TRY(look_at(path));
    return mode && S_ISLNK(*mode);
}

Status write_file_durably(const Path& path, std::string_view content, mode_t mode) {
    const Path beside = name_beside(path);
    Fd fd = TRY(write_new(beside, content, mode));
    TRY(flush(fd, beside));
    TRY(close_written(std::move(fd), beside.string()));
    return rename_durably(beside, path);
}

Status replace_file(const Path& path, std::string_view content, mode_t mode) {
    const Path beside = name_beside(path);
    TRY(close_written(TRY(write_new(beside, content, mode)), beside.string()));
    if (::rename(beside.c_str(), path.c_str()) != 0) return path_error("replace", path, errno);
    return {};
}

Status rename_durably(const Path& from, const Path& to) {
    if (::rename(from.c_str(), to.c_str()) != 0) {
        return errno_error(Errc::io, fmt::format("cannot rename '{}' to '{}'", from.string(), to.string()), errno);
    }
    TRY(flush_directory(to.parent_path()));
    if (from.parent_path() != to.parent_path()) TRY(flush_directory(from.parent_path()));
    return {};
}

Status remove_file(const Path& path) {
    if (::unlink(path.c_str()) != 0) {
        if (errno == ENOENT) return {};
        return path_error("remove", path, errno);
    }
    return flush_directory(path.parent_path());
}

Status remove_tree(const Path& directory) {
    std::error_code error;
    std::filesystem::remove_all(directory, error);
    if (error) return path_error("remove", directory, error.value());
    return {};
}

Status remove_tree_with_last(const Path& directory, const std::string& entry) {
    std::vector<Path> others;
    if (TRY(is_link(directory))) return remove_tree(directory);
    std::error_code error;
    for (std::filesystem::directory_iterator at(directory, error), end; !error && at != end; at.increment(error)) {
        if (at->path().filename() != entry) others.push_back(at->path());
    }
    if (error && error != std::errc::no_such_file_or_directory) return path_error("list", directory, error.value());
    for (const Path& other : others)
        TRY(remove_tree(other));
    return remove_tree(directory);
}

Status flush_directory(const Path& directory) {
    const Fd fd = TRY(open_file(directory, O_RDONLY | O_DIRECTORY));
    return flush(fd, directory);
}

Status flush_filesystem(const Path& path) {
    const Fd fd = TRY(open_file(path, O_RDONLY));
    if (syncfs(fd.get()) != 0) return path_error("flush the file system of", path, errno);
    return {};
}

Status replace_link(const Path& link, const Path& target) {
    const Path beside = link.parent_path() / fmt::format(".{}.new", link.filename().string());
    if (::unlink(beside.c_str()) != 0 && errno != ENOENT) return path_error("remove", beside, errno);
    if (::symlink(target.c_str(), beside.c_str()) != 0) return path_error("create the link", beside, errno);
    return rename_durably(beside, link);
}

bool is_mount_point(const Path& directory) {
    struct statx found = {};
    if (::statx(AT_FDCWD, directory.c_str(), AT_NO_AUTOMOUNT, STATX_BASIC_STATS, &found) != 0) return false;
    return (found.stx_attributes & STATX_ATTR_MOUNT_ROOT) != 0;  // bind mounts of the same device too; Linux 5.8
}

}  // namespace polygon::fs
