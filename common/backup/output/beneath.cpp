#include "common/backup/output/beneath.h"

#include <algorithm>
#include <cerrno>
#include <string_view>

#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace polygon::backup {
namespace {

constexpr int kDirectoryFlags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
constexpr int kNewFileFlags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;

// glibc has no function for it before 2.43.
int open_by_kernel(int directory, const std::string& path, int flags, mode_t mode) {
    open_how how = {};
    how.flags = static_cast<unsigned>(flags);
    how.mode = mode;
    how.resolve = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS;
    return static_cast<int>(::syscall(SYS_openat2, directory, path.c_str(), &how, sizeof how));
}

}  // namespace

// On a descriptor that is none, a kernel that has the call says EBADF.
Resolution available_resolution() {
    static const Resolution resolution = [] {
        const fs::Fd none(open_by_kernel(-1, ".", kDirectoryFlags, 0));
        return errno == ENOSYS || errno == EPERM ? Resolution::by_component : Resolution::kernel;
    }();
    return resolution;
}

fs::Fd open_directory_beneath(const fs::Fd& root, const std::string& path, Resolution resolution) {
    if (resolution == Resolution::kernel) return fs::Fd(open_by_kernel(root.get(), path, kDirectoryFlags, 0));
    fs::Fd position(::fcntl(root.get(), F_DUPFD_CLOEXEC, 0));
    std::string_view rest = path;
    while (!rest.empty() && position.is_open()) {
        const std::string component(rest.substr(0, rest.find('/')));
        rest.remove_prefix(std::min(component.size() + 1, rest.size()));
        if (component == "..") {
            errno = EXDEV;  // as openat2 has it
            return fs::Fd();
        }
        position = fs::Fd(::openat(position.get(), component.c_str(), kDirectoryFlags));
    }
    return position;
}

fs::Fd create_file_beneath(int directory, const std::string& name, mode_t mode, Resolution resolution) {
    if (resolution == Resolution::kernel) return fs::Fd(open_by_kernel(directory, name, kNewFileFlags, mode));
    return fs::Fd(::openat(directory, name.c_str(), kNewFileFlags, mode));
}

}  // namespace polygon::backup
