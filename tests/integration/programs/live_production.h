// A running production server, with an archive, a tablespace and roles for replication, that a clone is made of.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/process/child.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {

// A server of the site's account on a private socket; ends with this object.
class RunningServer {
  public:
    RunningServer(const std::string& name, const std::filesystem::path& data_directory,
                  const std::string& more_options);
    ~RunningServer();
    RunningServer(const RunningServer&) = delete;
    RunningServer& operator=(const RunningServer&) = delete;

    const std::filesystem::path& socket_directory() const { return socket_directory_; }
    std::string query(const std::string& sql) const;
    // Until the query gives "t"; fails the test after a minute.
    void wait_for(const std::string& sql) const;

  private:
    std::filesystem::path socket_directory_;
    std::optional<process::Child> postmaster_;
};

class LiveProduction {
  public:
    // Made once for the whole executable, and runs until its end.
    static LiveProduction& shared();

    RunningServer& server() { return *server_; }
    // "host=… user=replicator", without a password.
    std::string conninfo(const std::string& user = "replicator") const;
    // The password of replicator and recluse, of which the latter may enter no database; its quotes are part of it.
    static std::string password() { return "it's a \\ prod-secret"; }
    // The same as a part of conninfo.
    static std::string password_keyword() { return R"( password='it\'s a \\ prod-secret')"; }
    std::filesystem::path tablespace() const;
    std::filesystem::path archive() const;
    // What the archive has is restored by it.
    std::string restore_command() const;
    // A plain base backup that has its tablespace at `tablespace`.
    void back_up(const std::filesystem::path& directory, const std::filesystem::path& tablespace,
                 const std::vector<std::string>& more = {}) const;
    // Until all WAL up to now is in the archive.
    void archive_wal();
    // Whether nobody streams, no backup is in progress, and no slot is left; as one row of three counts.
    std::string ties() const;

  private:
    LiveProduction();
    std::optional<RunningServer> server_;
};

}  // namespace polygon::test
