// A real etcd on the loopback address, in a directory of its own.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/process/child.h"

namespace polygon::etcd {

// Throws std::runtime_error if etcd does not come up: a test can do nothing without it.
class Server {
  public:
    Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    const std::string& url() const { return url_; }
    // Stops it and starts it again on the same data: what it kept in memory is gone.
    void restart();
    void stop();
    // Until it can be asked.
    void start();

  private:
    bool is_healthy() const;

    std::filesystem::path directory_;
    std::string url_;
    std::string peer_url_;
    std::optional<process::Child> child_;
};

}  // namespace polygon::etcd
