#include "tests/support/ports.h"

#include <cstdint>
#include <fstream>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/fs/fd.h"

namespace polygon::support {
namespace {

constexpr int kFirstPort = 10240;

int first_ephemeral_port() {
    int first = 0;
    std::ifstream("/proc/sys/net/ipv4/ip_local_port_range") >> first;
    return first > kFirstPort + 1000 ? first : 32768;
}

bool is_free(int port) {
    const fs::Fd socket(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_in address = {};
    address.sin_family = AF_INET;
    address.sin_port = htons(static_cast<std::uint16_t>(port));
    address.sin_addr.s_addr = htonl(INADDR_ANY);
    return socket.is_open() && bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0;
}

}  // namespace

Result<int> free_port() {
    // Processes that start at the same time look from different places on.
    static const int count = first_ephemeral_port() - kFirstPort;
    static int next = static_cast<int>(static_cast<unsigned>(getpid()) * 97U % static_cast<unsigned>(count));
    for (int tried = 0; tried < count; ++tried) {
        const int port = kFirstPort + next;
        next = (next + 1) % count;
        if (is_free(port)) return port;
    }
    return Error{Errc::io, "no free port on the loopback address"};
}

}  // namespace polygon::support
