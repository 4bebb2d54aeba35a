#include "common/fs/fd.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace polygon::fs {

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

Status write_all(const Fd& fd, std::span<const std::byte> bytes, std::string_view name) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) {
            const std::string hint = errno == ENOSPC ? "Make room on that file system and repeat." : "";
            return errno_error(Errc::io, fmt::format("cannot write '{}'", name), errno, hint);
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

}  // namespace polygon::fs
