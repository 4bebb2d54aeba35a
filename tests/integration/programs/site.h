// A production server whose backup is worth disarming, an etcd, and a node's configuration: what the programs are run
// on one at a time, without Patroni.
#pragma once

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "common/process/child.h"
#include "tests/support/catch.h"
#include "tests/support/etcd_server.h"
#include "tests/support/listener.h"
#include "tests/support/require.h"
#include "tests/support/workspace.h"

namespace polygon::test {

using support::require;

class Site {
  public:
    // Made once for the whole executable: initdb and the backups take seconds. Its backups must not be changed.
    static Site& shared();
    ~Site();
    Site(const Site&) = delete;
    Site& operator=(const Site&) = delete;

    // A program of ours as the servers' user, with the node's environment and these variables over it.
    process::Finished run(std::vector<std::string> argv, const process::Environment& variables = {});
    // One of PostgreSQL's.
    process::Finished run_postgres(std::vector<std::string> argv);
    // polygon-bootstrap as Patroni calls it.
    process::Finished bootstrap(const process::Environment& variables = {});

    // The same for a child, whose output goes to this file of the workspace.
    process::Command bootstrap_command(const std::string& log) const;

    // psql on a server that listens in `socket_directory`; fails the test if the statement fails.
    std::string query(const std::filesystem::path& socket_directory, const std::string& user,
                      const std::string& database, const std::string& sql);

    // Starts PostgreSQL on a data directory with a socket in the workspace, runs `body`, stops it.
    void with_server(const std::filesystem::path& data_directory,
                     const std::function<void(const std::filesystem::path&)>& body);

    // Replaces the node's configuration: what follows `polygon:`.
    void write_configuration(const std::string& polygon_section);
    // The section that works.
    std::string good_section() const;

    // Removes the data directory and its companions, and etcd's keys.
    void clear();

    const std::filesystem::path& path() const { return workspace_->path(); }
    std::filesystem::path data_directory() const { return path() / "node" / "data"; }
    std::filesystem::path tar_backups() const { return path() / "backups"; }
    std::filesystem::path plain_backup() const { return path() / "plain"; }
    std::filesystem::path configuration() const { return path() / "patroni.yml"; }
    // Where production's subscription, and a trigger of its own, would connect to.
    support::Listener& publisher() { return publisher_; }
    // How often a bootstrap's quarantine reaches the publisher, by the trigger that dials out when the jobs are
    // switched off: not at all where this system can cut it off from the network.
    int calls_let_through() const;
    support::EtcdServer& etcd() { return *etcd_; }
    support::Workspace& workspace() { return *workspace_; }
    void etcd_put(const std::string& key, const std::string& value);
    std::map<std::string, std::string> etcd_keys();
    // Nothing of a data directory, staged or not.
    bool has_no_data() const;

  private:
    Site();
    void make_production();
    void fill_production(const std::filesystem::path& socket_directory);
    process::Finished run_with(std::vector<std::string> argv, process::Environment environment);

    support::Listener publisher_;
    std::unique_ptr<support::Workspace> workspace_;
    std::unique_ptr<support::EtcdServer> etcd_;
};

}  // namespace polygon::test
