// A PostgreSQL server that nobody else can reach: no TCP (unless its caller has it listen for somebody), a private 0700
// socket directory, a configuration of our own that names no file of the data directory. It archives nothing, starts no
// worker that could call out, and is cut off from the network as its caller says, so that code of the clone's cannot
// call out either.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/binaries.h"
#include "common/postgres/connection.h"
#include "common/process/child.h"
#include "common/process/isolation.h"

namespace polygon::postgres {

using ServerParameters = std::map<std::string, std::string>;

// Whether a parameter is one of those that isolate the server, name a command, steer recovery or would pass over
// damage; or no parameter's name at all. Nobody but this product sets them (shared_preload_libraries aside, which an
// extension's data may need). `fsync` and the like are none of them: what has passed the quarantine is flushed as a
// whole.
bool is_isolating(const std::string& parameter);

// Where others than ourselves reach a server all the same.
struct Listening {
    std::string host;
    int port = 0;
    std::string access;  // lines of pg_hba.conf for who comes there
};

class PrivateServer {
  public:
    // Makes the private directory with postgresql.conf and pg_hba.conf (in the data directory if a socket's path fits
    // there, so that it goes with it; not where others may copy the data directory); starts nothing. `parameters` go
    // over ours. What it starts runs in `isolation`, or not at all.
    static Result<PrivateServer> prepare(const Binaries& binaries, const std::filesystem::path& data_directory,
                                         const ServerParameters& parameters, process::Isolation isolation,
                                         const std::optional<Listening>& listening = std::nullopt);
    PrivateServer(PrivateServer&&) noexcept = default;
    PrivateServer& operator=(PrivateServer&&) = delete;
    // Kills a server that still runs and removes the private directory.
    ~PrivateServer();

    // Parameters and isolation of what is started from now on, in place of those before; the server must be stopped.
    Status change(const ServerParameters& parameters, process::Isolation isolation);

    // Starts and waits until it accepts connections, recovery included. Errc::process_failed with the log's tail if it
    // ends before, Errc::timeout at the deadline.
    Status start(Clock& clock, const Deadline& deadline);
    // Whether it has ended, by itself or by somebody else's hand. Never blocks.
    bool has_ended();
    // Fast shutdown; returns when the process has ended.
    Status stop(Clock& clock, const Deadline& deadline);

    // Our shielded session as `user`; trust is the method.
    Result<Connection> connect(const std::string& user, const std::string& database) const;
    // Where `user` connects to, in libpq's keywords, for a program of PostgreSQL's: no shield, no database.
    std::map<std::string, std::string> address(const std::string& user) const;

    // Runs one statement as the bootstrap superuser, whatever its name (postgres --single); the server must be stopped.
    // `statement` may not hold a line feed: single-user mode ends a statement there.
    Status run_single(const std::string& statement, Clock& clock, const Deadline& deadline);

    // The last lines that the server has logged.
    std::string log_tail() const;

  private:
    PrivateServer(Binaries binaries, std::filesystem::path data_directory, std::filesystem::path directory,
                  std::optional<Listening> listening)
        : binaries_(std::move(binaries)),
          data_directory_(std::move(data_directory)),
          directory_(std::move(directory)),
          listening_(std::move(listening)) {}
    std::string port() const;

    Binaries binaries_;
    std::filesystem::path data_directory_;
    std::filesystem::path directory_;
    std::optional<Listening> listening_;
    process::Isolation isolation_ = process::Isolation::none;
    std::unique_ptr<process::Child> server_;
};

}  // namespace polygon::postgres
