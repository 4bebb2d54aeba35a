// A TCP port that counts who connects, and says nothing.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <sys/socket.h>

#include "common/fs/fd.h"

namespace polygon::support {

class Listener {
  public:
    Listener() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0)) {
        sockaddr_in address = {};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        socklen_t length = sizeof address;
        ::bind(socket_.get(), reinterpret_cast<sockaddr*>(&address), length);
        ::listen(socket_.get(), 100);
        ::getsockname(socket_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
    }

    int port() const { return port_; }
    // Connections since the last call; the kernel has completed them whether or not anybody accepts.
    int count_connections() {
        int count = 0;
        while (fs::Fd(::accept(socket_.get(), nullptr, nullptr)).is_open())
            ++count;
        return count;
    }

  private:
    fs::Fd socket_;
    int port_ = 0;
};

}  // namespace polygon::support
