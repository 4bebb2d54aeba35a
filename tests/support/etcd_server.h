// One real etcd on the loopback address.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/process/child.h"
#include "tests/support/workspace.h"

namespace polygon::support {

class EtcdServer {
  public:
    // Below `directory`, which is relative to the workspace. Starts nothing.
    static Result<EtcdServer> make(Workspace& workspace, const std::filesystem::path& directory);

    // Starts it, again with the data it had, and waits until it is healthy.
    Status start();
    // SIGTERM, and waits.
    Status stop();
    // SIGKILL.
    void kill();

    // "127.0.0.1:2379".
    std::string endpoint() const;
    // The value of a key, and nothing if there is no such key.
    Result<std::optional<std::string>> get(const std::string& key) const;
    Status put(const std::string& key, const std::string& value) const;
    std::optional<pid_t> pid() const;
    void release();

  private:
    EtcdServer(Workspace& workspace, std::filesystem::path directory, int client_port, int peer_port);
    Status check_health() const;
    Result<std::string> run_etcdctl(const std::vector<std::string>& arguments) const;

    Workspace* workspace_;
    std::filesystem::path directory_;
    int client_port_;
    int peer_port_;
    std::optional<process::Child> child_;
};

}  // namespace polygon::support
