// An etcd and three Patroni nodes.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tests/support/etcd_server.h"
#include "tests/support/patroni_node.h"

namespace polygon::support {

struct ClusterSettings {
    std::string scope;  // its nodes are <scope>1, <scope>2, <scope>3
    Credentials credentials;
    process::Environment extra;
};

class Cluster {
  public:
    static Result<std::unique_ptr<Cluster>> make(Workspace& workspace, ClusterSettings settings);
    Cluster(const Cluster&) = delete;
    Cluster& operator=(const Cluster&) = delete;
    // Stops what runs.
    ~Cluster();

    // The configuration that the nodes are started with from here on, and how.
    void use(std::filesystem::path config, Launch launch);
    Status start_nodes();
    // etcd goes on running, with what it knows.
    Status stop_nodes();

    // Until one node leads, has left recovery, and every other streams from it; no longer once a node has ended.
    Status wait_until_healthy();
    Status check_health();
    // The node that holds the leader key and accepts writes.
    Result<PatroniNode*> leader();
    std::vector<PatroniNode*> replicas();
    // With a connection to the leader as the superuser.
    Result<Database> connect_to_leader(const std::string& database = "postgres");

    // "patronictl list", as an operator sees it.
    Result<std::string> list();
    // "patronictl switchover" to `candidate`, and until the cluster is healthy under it.
    Status switch_over_to(const std::string& candidate);

    // "patronictl edit-config": a parameter of PostgreSQL in the dynamic configuration.
    Status set_parameter(const std::string& name, const std::string& value);
    // "patronictl restart", and until the cluster is healthy again.
    Status restart();

    const std::string& scope() const { return settings_.scope; }
    const Credentials& credentials() const { return settings_.credentials; }
    const std::filesystem::path& config() const { return config_; }
    EtcdServer& etcd() { return etcd_; }
    std::vector<PatroniNode>& nodes() { return nodes_; }
    PatroniNode& node(const std::string& name);
    // All go on running when this object goes.
    void release();

  private:
    Cluster(Workspace& workspace, ClusterSettings settings, EtcdServer etcd);
    Status check_running();
    Result<std::string> patronictl(std::vector<std::string> arguments);

    Workspace* workspace_;
    ClusterSettings settings_;
    EtcdServer etcd_;
    std::vector<PatroniNode> nodes_;
    std::filesystem::path config_;
    Launch launch_ = Launch::patroni;
    bool is_released_ = false;
};

}  // namespace polygon::support
