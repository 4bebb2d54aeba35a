#include "tests/support/patroni_node.h"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "common/process/environment.h"
#include "tests/support/http_get.h"
#include "tests/support/ports.h"
#include "tests/support/processes.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

constexpr auto kStopLimit = 120s;

bool is_named(const std::string& path, const char* name) {
    return std::filesystem::path(path).filename() == name;
}

bool is_patroni(const std::vector<std::string>& arguments) {
    // "/usr/bin/python3 /usr/bin/patroni FILE"
    return arguments.size() >= 2 && (is_named(arguments[0], "patroni") || is_named(arguments[1], "patroni"));
}

bool is_agent(const std::vector<std::string>& arguments) {
    return !arguments.empty() && is_named(arguments[0], "polygon-entrypoint");
}

bool is_postmaster(const std::vector<std::string>& arguments) {
    // "/usr/lib/postgresql/15/bin/postgres -D DIRECTORY …"; a process of its own has "postgres: …" for a title.
    return arguments.size() >= 2 && is_named(arguments[0], "postgres");
}

std::optional<pid_t> find_process(const std::filesystem::path& directory,
                                  bool (*is_it)(const std::vector<std::string>& arguments)) {
    for (const pid_t pid : processes_in(directory)) {
        const auto arguments = process::read_command_line(pid);
        if (arguments && is_it(*arguments)) return pid;
    }
    return std::nullopt;
}

}  // namespace

Result<PatroniNode> PatroniNode::make(Workspace& workspace, NodeSettings settings) {
    std::filesystem::path made = TRY(workspace.make_directory(std::filesystem::path(settings.scope) / settings.name));
    const int postgres_port = TRY(free_port());
    const int rest_port = TRY(free_port());
    return PatroniNode(workspace, std::move(settings), std::move(made), postgres_port, rest_port);
}

PatroniNode::PatroniNode(Workspace& workspace, NodeSettings settings, std::filesystem::path directory,
                         int postgres_port, int rest_port)
    : workspace_(&workspace),
      settings_(std::move(settings)),
      directory_(std::move(directory)),
      postgres_port_(postgres_port),
      rest_port_(rest_port) {}

process::Environment PatroniNode::environment() const {
    const std::string postgres = fmt::format("127.0.0.1:{}", postgres_port_);
    const std::string rest = fmt::format("127.0.0.1:{}", rest_port_);
    const Credentials& credentials = settings_.credentials;
    process::Environment environment = settings_.extra;
    environment.merge(process::Environment{{"PATRONI_NAME", settings_.name},
                                           {"PATRONI_SCOPE", settings_.scope},
                                           {"PATRONI_ETCD3_HOSTS", fmt::format("'{}'", settings_.etcd)},
                                           {"PATRONI_RESTAPI_LISTEN", rest},
                                           {"PATRONI_RESTAPI_CONNECT_ADDRESS", rest},
                                           {"PATRONI_POSTGRESQL_LISTEN", postgres},
                                           {"PATRONI_POSTGRESQL_CONNECT_ADDRESS", postgres},
                                           {"PATRONI_POSTGRESQL_DATA_DIR", data_directory().string()},
                                           {"PATRONI_POSTGRESQL_BIN_DIR", workspace_->postgres_bin().string()},
                                           {"PATRONI_POSTGRESQL_PGPASS", (directory_ / "pgpass").string()},
                                           {"PATRONI_SUPERUSER_USERNAME", credentials.superuser.user},
                                           {"PATRONI_SUPERUSER_PASSWORD", credentials.superuser.password},
                                           {"PATRONI_REPLICATION_USERNAME", credentials.replication.user},
                                           {"PATRONI_REPLICATION_PASSWORD", credentials.replication.password},
                                           {"PATRONI_REWIND_USERNAME", credentials.rewind.user},
                                           {"PATRONI_REWIND_PASSWORD", credentials.rewind.password}});
    environment.merge(workspace_->environment(directory_));
    return environment;
}

Status PatroniNode::start(const std::filesystem::path& config, Launch launch) {
    if (child_ && !child_->poll()) return Error{Errc::internal, fmt::format("{} runs already", name())};
    std::vector<std::string> argv = {"patroni", config.string()};
    if (launch != Launch::patroni) {
        argv.insert(argv.begin(), {(workspace_->bin() / "polygon-entrypoint").string(), "--"});
    }
    if (launch == Launch::service) argv.insert(argv.begin(), (workspace_->bin() / "restarted.sh").string());
    child_ = TRY(process::Child::start(workspace_->server(
        {.argv = std::move(argv), .environment = environment(), .directory = directory_, .log = log()})));
    return {};
}

void PatroniNode::ask_to_stop() {
    if (child_) child_->signal(SIGTERM);
}

Status PatroniNode::wait_for_stop() {
    if (!child_) return {};
    TRY(child_->wait(system_clock(), Deadline(system_clock(), kStopLimit)));
    child_.reset();
    return {};
}

void PatroniNode::kill_patroni() {
    // First what we started: polygon-entrypoint must not see its Patroni end.
    if (child_) child_->signal(SIGKILL);
    if (const auto pid = patroni()) kill(*pid, SIGKILL);
    child_.reset();
}

void PatroniNode::kill_everything() {
    kill_processes_in(directory_);
    child_.reset();
}

std::optional<pid_t> PatroniNode::agent() const {
    return find_process(directory_, is_agent);
}

std::optional<pid_t> PatroniNode::patroni() const {
    return find_process(directory_, is_patroni);
}

std::optional<pid_t> PatroniNode::postmaster() const {
    return find_process(data_directory(), is_postmaster);
}

std::optional<int> PatroniNode::exit_status() {
    return child_ ? child_->poll() : std::nullopt;
}

std::string PatroniNode::rest_url() const {
    return fmt::format("http://127.0.0.1:{}", rest_port_);
}

Result<Database> PatroniNode::connect(const Login& login, const std::string& database) const {
    return Database::connect({.port = postgres_port_, .database = database}, login);
}

Result<nlohmann::json> PatroniNode::rest(const std::string& path) const {
    return http_get_json(rest_url() + path);
}

Result<std::string> PatroniNode::read_log() const {
    return fs::read_file(log());
}

std::optional<pid_t> PatroniNode::pid() const {
    return child_ ? std::optional<pid_t>(child_->pid()) : std::nullopt;
}

void PatroniNode::release() {
    if (child_) child_->release();
}

}  // namespace polygon::support
