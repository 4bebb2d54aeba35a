#include "common/process/service_manager.h"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include <fmt/format.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

namespace polygon::process {

ServiceManager::ServiceManager(const Environment& environment) {
    if (const auto named = environment.find("NOTIFY_SOCKET"); named != environment.end()) socket_ = named->second;
}

Status ServiceManager::say_ready() const {
    return send("READY=1");
}

Status ServiceManager::say_status(std::string line) const {
    std::replace(line.begin(), line.end(), '\n', ' ');
    return send("STATUS=" + line);
}

// Never waits: a service manager that does not read must not hold up what it manages.
Status ServiceManager::send(const std::string& state) const {
    if (socket_.empty()) return {};
    sockaddr_un address = {.sun_family = AF_UNIX};
    if (socket_.size() >= sizeof address.sun_path) {
        return Error{Errc::io, fmt::format("NOTIFY_SOCKET '{}' is longer than a socket's name can be", socket_),
                     "Let the service manager name a shorter path."};
    }
    std::memcpy(address.sun_path, socket_.data(), socket_.size());
    if (socket_.front() == '@') address.sun_path[0] = '\0';  // the abstract name space (unix(7))
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) return errno_error(Errc::io, "cannot make a socket to notify the service manager", errno);
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + socket_.size());
    const ssize_t sent = sendto(fd, state.data(), state.size(), MSG_NOSIGNAL | MSG_DONTWAIT,
                                reinterpret_cast<const sockaddr*>(&address), length);
    const int reason = errno;
    ::close(fd);
    if (sent >= 0) return {};
    return errno_error(Errc::io, fmt::format("cannot notify the service manager at '{}'", socket_), reason);
}

}  // namespace polygon::process
