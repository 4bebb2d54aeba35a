#include "common/fs/fd.h"

#include <cerrno>

#include <fmt/format.h>
#include <unistd.h>

namespace polygon::fs {
namespace {

Error write_error(std::string_view name, int reason) {
    return errno_error(Errc::io, fmt::format("cannot write '{}'", name), reason);
}

}  // namespace

Fd::~Fd() {
    if (fd_ >= 0) ::close(fd_);
}

Status write_all(const Fd& fd, std::span<const std::byte> bytes, std::string_view name) {
    while (!bytes.empty()) {
        const ssize_t written = ::write(fd.get(), bytes.data(), bytes.size());
        if (written < 0 && errno == EINTR) continue;
        if (written < 0) return write_error(name, errno);
        bytes = bytes.subspan(static_cast<std::size_t>(written));
    }
    return {};
}

// Linux has closed it in any case, after EINTR too.
Status close_written(Fd fd, std::string_view name) {
    if (::close(fd.release()) != 0 && errno != EINTR) return write_error(name, errno);
    return {};
}

}  // namespace polygon::fs
