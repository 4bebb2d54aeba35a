#include "tests/support/cluster.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "tests/support/http_get.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr int kNodes = 3;
constexpr auto kHealthLimit = 300s;

Status check_leads(PatroniNode& node, const Login& superuser) {
    // 200 while it holds the leader key, which it does before it has left recovery.
    const Answer answer = TRY(http_get(node.rest_url() + "/leader"));
    if (answer.status != 200) return Error{Errc::not_proven, fmt::format("{} does not lead", node.name())};
    Database database = TRY(node.connect(superuser));
    if (TRY(database.value("SELECT pg_is_in_recovery()")) == "f") return {};
    return Error{Errc::not_proven, fmt::format("{} is still in recovery", node.name())};
}

// Every member as Patroni sees it: "running", and "streaming" where it tells replicas so (4.x).
Status check_members(PatroniNode& leader) {
    const nlohmann::json cluster = TRY(leader.rest("/cluster"));
    const auto& members = cluster.at("members");
    for (const auto& member : members) {
        const std::string state = member.value("state", "");
        if (state != "running" && state != "streaming") {
            return Error{Errc::not_proven, fmt::format("{} is {}", member.value("name", ""), state)};
        }
    }
    if (members.size() == kNodes) return {};
    return Error{Errc::not_proven, fmt::format("{} members are there", members.size())};
}

}  // namespace

Result<std::unique_ptr<Cluster>> Cluster::make(Workspace& workspace, ClusterSettings settings) {
    EtcdServer etcd = TRY(EtcdServer::make(workspace, std::filesystem::path(settings.scope) / "etcd"));
    std::unique_ptr<Cluster> cluster(new Cluster(workspace, settings, std::move(etcd)));
    for (int number = 1; number <= kNodes; ++number) {
        cluster->nodes_.push_back(TRY(PatroniNode::make(workspace, {.name = fmt::format("{}{}", settings.scope, number),
                                                                    .scope = settings.scope,
                                                                    .etcd = cluster->etcd_.endpoint(),
                                                                    .credentials = settings.credentials,
                                                                    .extra = settings.extra})));
    }
    return cluster;
}

Cluster::Cluster(Workspace& workspace, ClusterSettings settings, EtcdServer etcd)
    : workspace_(&workspace), settings_(std::move(settings)), etcd_(std::move(etcd)) {}

Cluster::~Cluster() {
    if (is_released_) return;
    if (!stop_nodes()) {
        for (PatroniNode& node : nodes_)
            node.kill_everything();
    }
}

void Cluster::use(std::filesystem::path config, Launch launch) {
    config_ = std::move(config);
    launch_ = launch;
}

Status Cluster::start_nodes() {
    for (PatroniNode& node : nodes_)
        TRY(node.start(config_, launch_));
    return {};
}

Status Cluster::stop_nodes() {
    for (PatroniNode& node : nodes_)
        node.ask_to_stop();
    for (PatroniNode& node : nodes_)
        TRY(node.wait_for_stop());
    return {};
}

Status Cluster::wait_until_healthy() {
    return wait_for(fmt::format("healthy cluster '{}'", scope()), kHealthLimit, [this] { return check_health(); });
}

Status Cluster::check_running() {
    for (PatroniNode& node : nodes_) {
        if (const auto status = node.exit_status()) {
            return Error{Errc::process_failed, fmt::format("{} has ended with status {}", node.name(), *status)};
        }
    }
    return {};
}

Status Cluster::check_health() {
    TRY(check_running());
    PatroniNode* const first = TRY(leader());
    Database database = TRY(first->connect(credentials().superuser));
    for (const PatroniNode& node : nodes_) {
        if (&node == first) continue;
        const std::string streaming = TRY(database.value(
            "SELECT count(*) FROM pg_stat_replication WHERE state = 'streaming' AND application_name = $1",
            {node.name()}));
        if (streaming != "1") {
            return Error{Errc::not_proven, fmt::format("{} does not stream from {}", node.name(), first->name())};
        }
    }
    return check_members(*first);
}

Result<PatroniNode*> Cluster::leader() {
    std::string seen;
    for (PatroniNode& node : nodes_) {
        const Status leads = check_leads(node, credentials().superuser);
        if (leads) return &node;
        seen += (seen.empty() ? "" : "; ") + leads.error().message;
    }
    return Error{Errc::not_proven, fmt::format("no leader in '{}': {}", scope(), seen), "", Retry::safe};
}

std::vector<PatroniNode*> Cluster::replicas() {
    const auto first = leader();
    std::vector<PatroniNode*> others;
    for (PatroniNode& node : nodes_) {
        if (!first || *first != &node) others.push_back(&node);
    }
    return others;
}

Result<Database> Cluster::connect_to_leader(const std::string& database) {
    PatroniNode* const first = TRY(leader());
    return first->connect(credentials().superuser, database);
}

Result<std::string> Cluster::patronictl(std::vector<std::string> arguments) {
    std::vector<std::string> argv = {"patronictl", "-c", config_.string()};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    const process::Command command = workspace_->tool(std::move(argv), nodes_.front().environment());
    return TRY(process::run_checked(command, system_clock(), Deadline(system_clock(), 120s))).out;
}

Result<std::string> Cluster::list() {
    return patronictl({"list"});
}

Status Cluster::switch_over_to(const std::string& candidate) {
    const PatroniNode* const from = TRY(leader());
    TRY(patronictl({"switchover", scope(), "--leader", from->name(), "--candidate", candidate, "--force"}));
    return wait_for(fmt::format("healthy cluster '{}' under {}", scope(), candidate), kHealthLimit, [&]() -> Status {
        const PatroniNode* const now = TRY(leader());
        if (now->name() != candidate) return Error{Errc::not_proven, fmt::format("{} leads", now->name())};
        return check_health();
    });
}

Status Cluster::set_parameter(const std::string& name, const std::string& value) {
    TRY(patronictl({"edit-config", scope(), "--force", "--quiet", "--pg", name + "=" + value}));
    return {};
}

Status Cluster::restart() {
    TRY(patronictl({"restart", scope(), "--force"}));
    return wait_until_healthy();
}

PatroniNode& Cluster::node(const std::string& name) {
    return *std::find_if(nodes_.begin(), nodes_.end(), [&](const PatroniNode& node) { return node.name() == name; });
}

void Cluster::release() {
    is_released_ = true;
    etcd_.release();
    for (PatroniNode& node : nodes_)
        node.release();
}

}  // namespace polygon::support
