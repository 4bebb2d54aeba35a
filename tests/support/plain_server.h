// A PostgreSQL server without Patroni: initdb and one process, on the loopback address, passwords by SCRAM.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/child.h"
#include "tests/support/database.h"
#include "tests/support/workspace.h"

namespace polygon::support {

class PlainServer {
  public:
    // Below <name> of the workspace. Starts nothing.
    static Result<PlainServer> make(Workspace& workspace, const std::string& name, Login superuser);

    // With logical decoding, and every connection in its log; waits until it lets the superuser in.
    Status start();

    int port() const { return port_; }
    std::filesystem::path log() const { return directory_ / "postgres.log"; }
    Result<Database> connect() const;
    std::optional<pid_t> pid() const;
    void release();

  private:
    PlainServer(Workspace& workspace, std::filesystem::path directory, Login superuser, int port);
    Status make_data_directory() const;
    std::string data() const { return (directory_ / "data").string(); }

    Workspace* workspace_;
    std::filesystem::path directory_;
    Login superuser_;
    int port_;
    std::optional<process::Child> child_;
};

}  // namespace polygon::support
