#include "common/fs/space.h"

#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/statvfs.h>

namespace polygon::fs {
namespace {

Path nearest_existing(Path path) {
    std::error_code error;
    while (!std::filesystem::exists(path, error) && path != path.parent_path())
        path = path.parent_path();
    return path;
}

constexpr std::uint64_t kStatBlock = 512;  // st_blocks' unit (stat(2))

}  // namespace

Result<Space> read_space(const Path& path) {
    const Path existing = nearest_existing(path);
    struct stat found = {};
    struct statvfs room = {};
    if (::stat(existing.c_str(), &found) != 0 || ::statvfs(existing.c_str(), &room) != 0) {
        return errno_error(Errc::io, fmt::format("cannot read the free space of '{}'", existing.string()), errno);
    }
    return Space{.device = found.st_dev, .free_bytes = std::uint64_t{room.f_bavail} * room.f_frsize};
}

Result<std::uint64_t> used_bytes(const Path& directory) {
    std::error_code error;
    std::uint64_t bytes = 0;
    auto entry = std::filesystem::recursive_directory_iterator(directory, error);
    if (error == std::errc::no_such_file_or_directory) return bytes;
    for (; !error && entry != std::filesystem::recursive_directory_iterator(); entry.increment(error)) {
        struct stat found = {};
        if (::lstat(entry->path().c_str(), &found) == 0) bytes += std::uint64_t(found.st_blocks) * kStatBlock;
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", directory.string()), error.value());
    return bytes;
}

}  // namespace polygon::fs
