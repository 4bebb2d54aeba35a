#include "tests/support/etcd_server.h"

#include <chrono>

#include <fmt/format.h>

#include "tests/support/http_get.h"
#include "tests/support/ports.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

// etcd 3.5 and later can be told to trust the page cache; 3.4 has no such option.
bool can_skip_flushing() {
    const process::Command help = {.argv = {"etcd", "--help"}};
    const auto done = process::run(help, system_clock(), Deadline(system_clock(), 60s));
    return done && (done->out + done->err).find("--unsafe-no-fsync") != std::string::npos;
}

}  // namespace

Result<EtcdServer> EtcdServer::make(Workspace& workspace, const std::filesystem::path& directory) {
    std::filesystem::path made = TRY(workspace.make_directory(directory));
    const int client_port = TRY(free_port());
    const int peer_port = TRY(free_port());
    return EtcdServer(workspace, std::move(made), client_port, peer_port);
}

EtcdServer::EtcdServer(Workspace& workspace, std::filesystem::path directory, int client_port, int peer_port)
    : workspace_(&workspace), directory_(std::move(directory)), client_port_(client_port), peer_port_(peer_port) {}

std::string EtcdServer::endpoint() const {
    return fmt::format("127.0.0.1:{}", client_port_);
}

Status EtcdServer::start() {
    const std::string client = "http://" + endpoint();
    const std::string peer = fmt::format("http://127.0.0.1:{}", peer_port_);
    ServerCommand command = {
        .argv = {"etcd", "--name=etcd1", "--data-dir=" + (directory_ / "data").string(),
                 "--listen-client-urls=" + client, "--advertise-client-urls=" + client, "--listen-peer-urls=" + peer,
                 "--initial-advertise-peer-urls=" + peer, "--initial-cluster=etcd1=" + peer,
                 "--initial-cluster-state=new", "--logger=zap", "--log-level=warn"},
        .environment = workspace_->environment(directory_),
        .directory = directory_,
        .log = directory_ / "etcd.log"};
    static const bool skips_flushing = can_skip_flushing();
    if (skips_flushing) command.argv.push_back("--unsafe-no-fsync");
    child_ = TRY(process::Child::start(workspace_->server(command)));
    return wait_for("healthy etcd at " + endpoint(), 60s, [this] { return check_health(); });
}

Status EtcdServer::check_health() const {
    const nlohmann::json health = TRY(http_get_json("http://" + endpoint() + "/health"));
    if (health.value("health", "") == "true") return {};
    return Error{Errc::etcd_unavailable, health.dump()};
}

Status EtcdServer::stop() {
    if (!child_) return {};
    child_->signal(SIGTERM);
    TRY(child_->wait(system_clock(), Deadline(system_clock(), 30s)));
    child_.reset();
    return {};
}

void EtcdServer::kill() {
    child_.reset();
}

Result<std::string> EtcdServer::run_etcdctl(const std::vector<std::string>& arguments) const {
    process::Command command = {.argv = {"etcdctl", "--endpoints=" + endpoint()},
                                .environment = process::Environment{{"PATH", "/usr/bin:/bin"}, {"ETCDCTL_API", "3"}}};
    command.argv.insert(command.argv.end(), arguments.begin(), arguments.end());
    return TRY(process::run_checked(command, system_clock(), Deadline(system_clock(), 30s))).out;
}

Result<std::optional<std::string>> EtcdServer::get(const std::string& key) const {
    // Keys and values in base64 in JSON, so that an empty value is told from none; the simple format cannot.
    const std::string json = TRY(run_etcdctl({"get", key, "--write-out=json"}));
    if (nlohmann::json::parse(json).value("count", 0) == 0) return std::optional<std::string>();
    std::string value = TRY(run_etcdctl({"get", key, "--print-value-only"}));
    if (value.ends_with('\n')) value.pop_back();
    return std::optional<std::string>(std::move(value));
}

Status EtcdServer::put(const std::string& key, const std::string& value) const {
    TRY(run_etcdctl({"put", key, value}));
    return {};
}

std::optional<pid_t> EtcdServer::pid() const {
    return child_ ? std::optional<pid_t>(child_->pid()) : std::nullopt;
}

void EtcdServer::release() {
    if (child_) child_->release();
}

}  // namespace polygon::support
