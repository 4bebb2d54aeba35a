// A real PostgreSQL server on a private socket, and a place in /tmp that it may use.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/fs/file.h"
#include "common/process/child.h"

namespace polygon::backup::test {

// Below /tmp, owned by whom the servers run as; removed at the end.
class Workspace {
  public:
    Workspace();
    ~Workspace();
    Workspace(const Workspace&) = delete;
    Workspace& operator=(const Workspace&) = delete;
    fs::Path operator/(const std::string& name) const { return path_ / name; }
    // Gives everything to the servers' user.
    void hand_over() const;
    fs::Path make_directory(const std::string& name) const;

  private:
    fs::Path path_;
};

// Runs a program of the newest PostgreSQL here, as user postgres if we are root; fails the test if it fails.
std::string run_postgres(const std::string& program, const std::vector<std::string>& arguments);
// The same, and how it ended is the test's to judge.
process::Finished try_postgres(const std::string& program, const std::vector<std::string>& arguments);
int installed_major();

class Server {
  public:
    // Starts on an existing data directory, whose configuration file is not read, and waits until it answers.
    Server(const Workspace& workspace, const fs::Path& data);
    // Stops it (fast) and waits.
    ~Server();
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    std::string query(const std::string& sql) const;
    void base_backup(const fs::Path& directory, const std::vector<std::string>& options) const;

  private:
    fs::Path socket_directory_;
    std::optional<process::Child> postmaster_;
};

}  // namespace polygon::backup::test
