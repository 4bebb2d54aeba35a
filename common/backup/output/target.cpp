#include "common/backup/output/target.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/backup/damage.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

// "base/5/1259" as "base/5" and "1259".
std::pair<std::string_view, std::string_view> split(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {{}, path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

}  // namespace

Result<std::unique_ptr<Target>> Target::open(const fs::Path& root) {
    if (::mkdir(root.c_str(), 0700) != 0 && errno != EEXIST) {
        return errno_error(Errc::io, fmt::format("cannot create the directory '{}'", root.string()), errno);
    }
    fs::Fd fd = TRY(fs::open_file(root, O_RDONLY | O_DIRECTORY));
    if (::fchmod(fd.get(), 0700) != 0) {
        return errno_error(Errc::io, fmt::format("cannot set the mode of '{}'", root.string()), errno);
    }
    return std::unique_ptr<Target>(new Target(root, std::move(fd)));
}

Error Target::failure(std::string_view action, std::string_view path, int reason) const {
    const bool is_in_the_way =
        reason == EEXIST || reason == ENOTDIR || reason == ELOOP || reason == EISDIR || reason == EXDEV;
    return errno_error(is_in_the_way ? Errc::backup_corrupt : Errc::io,
                       fmt::format("cannot {} '{}' in '{}'", action, printable(path), root_.string()), reason,
                       std::string(is_in_the_way ? kCopyAgain : ""));
}

// Opens it, made with its parents where they are missing; errno says why not.
fs::Fd Target::make_directories(std::string_view directory) const {
    fs::Fd position(::fcntl(fd_.get(), F_DUPFD_CLOEXEC, 0));
    while (!directory.empty() && position.is_open()) {
        const std::string component(directory.substr(0, directory.find('/')));
        directory.remove_prefix(std::min(component.size() + 1, directory.size()));
        if (::mkdirat(position.get(), component.c_str(), 0700) != 0 && errno != EEXIST) return fs::Fd();
        position = open_directory_beneath(position, component, resolution_);
    }
    return position;
}

Result<int> Target::enter(std::string_view directory) {
    if (directory.empty()) return fd_.get();
    if (current_.is_open() && directory == current_path_) return current_.get();
    fs::Fd opened = open_directory_beneath(fd_, std::string(directory), resolution_);
    if (!opened.is_open() && errno == ENOENT) opened = make_directories(directory);
    if (!opened.is_open()) return failure("create the directory", directory, errno);
    current_ = std::move(opened);
    current_path_ = directory;
    return current_.get();
}

Status Target::make_directory(std::string_view path) {
    TRY(enter(path));
    return {};
}

Result<fs::Fd> Target::create_file(std::string_view path) {
    const auto [directory, name] = split(path);
    const int parent = TRY(enter(directory));
    fs::Fd fd = create_file_beneath(parent, std::string(name), 0600, resolution_);
    if (!fd.is_open()) return failure("create", path, errno);
    return fd;
}

Status Target::create_link(std::string_view path, const fs::Path& to) {
    const auto [directory, name] = split(path);
    const int parent = TRY(enter(directory));
    if (::symlinkat(to.c_str(), parent, std::string(name).c_str()) != 0) return failure("create the link", path, errno);
    return {};
}

Status Target::flush() const {
    if (::syncfs(fd_.get()) != 0)
        return errno_error(Errc::io, fmt::format("cannot flush the file system of '{}'", root_.string()), errno);
    return {};
}

}  // namespace polygon::backup
