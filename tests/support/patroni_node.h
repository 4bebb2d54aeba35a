// One node: Patroni, alone or under polygon-entrypoint, and its PostgreSQL.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include <nlohmann/json.hpp>

#include "common/base/result.h"
#include "common/process/child.h"
#include "tests/support/database.h"
#include "tests/support/workspace.h"

namespace polygon::support {

// Who may do what in a cluster.
struct Credentials {
    Login superuser;
    Login replication;
    Login rewind;
    Login app;
    Login report;
};

struct NodeSettings {
    std::string name;
    std::string scope;
    std::string etcd;            // host:port
    Credentials credentials;     // the first three become PATRONI_<role>_USERNAME and _PASSWORD
    process::Environment extra;  // more variables of the node
};

// Patroni alone; under polygon-entrypoint; or that started again whenever it ends, as a service of systemd.
enum class Launch { patroni, entrypoint, service };

class PatroniNode {
  public:
    // Below <scope>/<name> of the workspace. Starts nothing.
    static Result<PatroniNode> make(Workspace& workspace, NodeSettings settings);

    Status start(const std::filesystem::path& config, Launch launch);
    // SIGTERM without waiting, so that a cluster's nodes stop side by side.
    void ask_to_stop();
    Status wait_for_stop();
    // SIGKILL to polygon-entrypoint or Patroni, whichever we started, and to Patroni below it; what they started
    // (helpers, postmaster) is not touched.
    void kill_patroni();
    // SIGKILL to everything of this node at once, as if its power failed.
    void kill_everything();
    // Of this node, if it runs: polygon-entrypoint, its Patroni, and the postmaster on the data directory.
    std::optional<pid_t> agent() const;
    std::optional<pid_t> patroni() const;
    std::optional<pid_t> postmaster() const;
    // The exit status of what was started, if it has ended by itself. A service never does.
    std::optional<int> exit_status();

    const std::string& name() const { return settings_.name; }
    const std::filesystem::path& directory() const { return directory_; }
    std::filesystem::path data_directory() const { return directory_ / "data"; }
    std::filesystem::path log() const { return directory_ / "patroni.log"; }
    int postgres_port() const { return postgres_port_; }
    std::string rest_url() const;
    // The environment that Patroni and the operator's programs are run with. A value in `extra` wins.
    process::Environment environment() const;
    void set_variable(const std::string& name, const std::string& value) { settings_.extra[name] = value; }

    Result<Database> connect(const Login& login, const std::string& database = "postgres") const;
    Result<nlohmann::json> rest(const std::string& path) const;
    Result<std::string> read_log() const;

    std::optional<pid_t> pid() const;
    void release();

  private:
    PatroniNode(Workspace& workspace, NodeSettings settings, std::filesystem::path directory, int postgres_port,
                int rest_port);

    Workspace* workspace_;
    NodeSettings settings_;
    std::filesystem::path directory_;
    int postgres_port_;
    int rest_port_;
    std::optional<process::Child> child_;
};

}  // namespace polygon::support
