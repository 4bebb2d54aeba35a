#include "tests/integration/proving/proving_site.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <pwd.h>
#include <unistd.h>

#include "common/fs/file.h"
#include "tests/support/ports.h"
#include "tests/support/require.h"
#include "tests/support/waiting.h"

namespace polygon::proving {
namespace {

using namespace std::chrono_literals;
using support::require;

constexpr const char* kConfiguration = R"(scope: main
name: {0}
etcd3: {{hosts: "{1}"}}
restapi: {{listen: "127.0.0.1:1", connect_address: "127.0.0.1:1"}}
postgresql:
  listen: 127.0.0.1:{2}
  connect_address: 127.0.0.1:{2}
  data_dir: {3}
  parameters: {{unix_socket_directories: {4}}}
{5})";

std::string account_name() {
    return geteuid() == 0 ? "postgres" : getpwuid(geteuid())->pw_name;
}

}  // namespace

Site::Site()
    : client_({.urls = {etcd_.url()}}),
      workspace_(require(support::Workspace::make(support::Lifetime::ends_with_us))),
      superuser_(account_name()),
      sockets_(require(workspace_->make_directory("sockets")).string()) {
    require(workspace_->install());
}

std::string Site::run(std::vector<std::string> argv, const process::Environment& more) {
    process::Environment environment = workspace_->environment(workspace_->path());
    environment.insert(more.begin(), more.end());
    const auto done = require(
        process::run(workspace_->tool(std::move(argv), environment), system_clock(), Deadline(system_clock(), 120s)));
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    return done.out;
}

void Site::own(const std::string& name) {
    require(workspace_->account().give(workspace_->path() / name));
}

std::string Site::peer_only() const {
    return fmt::format("local all {} peer\nhost replication replicator 127.0.0.1/32 scram-sha-256\n", superuser_);
}

std::string Site::by_peer() const {
    return fmt::format(
        "  use_unix_socket: true\n  pg_hba: [local all all peer]\n  authentication:\n    superuser: {{username: {}}}\n"
        "    replication: {{username: replicator, password: secret}}\n",
        superuser_);
}

void Site::start_primary(const std::string& name, const std::string& generation) {
    require(workspace_->make_directory(name));
    run({(workspace_->postgres_bin() / "initdb").string(), "-D", data(name).string(), "-U", superuser_, "--auth=peer",
         "--locale=C.UTF-8", "--encoding=UTF8", "--no-sync"});
    require(fs::replace_file(data(name) / "pg_hba.conf", peer_only()));
    require(postgres::write_marker(data(name), {.generation = generation, .stage = postgres::Stage::proven}));
    start(name, {});
    query(name, "CREATE ROLE replicator REPLICATION LOGIN PASSWORD 'secret'");
    query(name,
          "CREATE SCHEMA polygon; CREATE TABLE polygon.refresh (generation text PRIMARY KEY, proven_at timestamptz NOT "
          "NULL DEFAULT clock_timestamp(), marker jsonb NOT NULL, verified_at timestamptz, certificate jsonb)");
    const std::string identifier = query(name, "SELECT system_identifier FROM pg_control_system()");
    const postgres::GenerationMarker marker{.generation = generation,
                                            .stage = postgres::Stage::proven,
                                            .source_system_identifier = 1,
                                            .system_identifier = std::stoull(identifier),
                                            .superusers = {superuser_}};
    query(name,
          fmt::format("INSERT INTO polygon.refresh VALUES ('{}', now(), '{}')", generation, postgres::to_json(marker)));
    put("leader", name);
}

void Site::start_standby(const std::string& name, const std::string& source, const std::vector<std::string>& settings) {
    require(workspace_->make_directory(name));
    run({(workspace_->postgres_bin() / "pg_basebackup").string(), "-D", data(name).string(), "-d",
         fmt::format("host=127.0.0.1 port={} user=replicator", ports_.at(source)), "-R", "--checkpoint=fast",
         "--no-sync"},
        {{"PGPASSWORD", "secret"}});
    start(name, settings);
}

process::Child Site::start_patient_copy(const std::string& source) {
    require(workspace_->make_directory("copy"));
    process::Environment environment = workspace_->environment(workspace_->path() / "copy");
    environment["PGPASSWORD"] = "secret";
    return require(process::Child::start(workspace_->tool(
        {(workspace_->postgres_bin() / "pg_basebackup").string(), "-D", data("copy").string(), "-d",
         fmt::format("host=127.0.0.1 port={} user=replicator", ports_.at(source)), "--checkpoint=spread", "--no-sync"},
        environment)));
}

void Site::start(const std::string& name, const std::vector<std::string>& settings) {
    ports_[name] = require(support::free_port());
    support::ServerCommand command{
        .argv = {(workspace_->postgres_bin() / "postgres").string(), "-D", data(name).string(), "-p",
                 std::to_string(ports_[name]), "-k", sockets_, "-c", "listen_addresses=127.0.0.1", "-c", "fsync=off"},
        .environment = workspace_->environment(workspace_->path() / name),
        .directory = workspace_->path() / name,
        .log = workspace_->path() / name / "log"};
    for (const std::string& setting : settings)
        command.argv.insert(command.argv.end(), {"-c", setting});
    servers_.insert_or_assign(name, require(process::Child::start(workspace_->server(command))));
    put("members/" + name, fmt::format(R"({{"conn_url":"postgres://{}/postgres","state":"running"}})", address(name)));
    configure(name, by_peer());
    const auto has_started = [&]() -> Status {
        const std::string pid = TRY(fs::read_file(data(name) / "postmaster.pid"));
        if (pid.find("ready") != std::string::npos || pid.find("standby") != std::string::npos) return {};
        return Error{Errc::timeout, "it starts"};
    };
    require(support::wait_for(name, 60s, has_started));
}

std::string Site::address(const std::string& name) const {
    return fmt::format("127.0.0.1:{}", ports_.at(name));
}

void Site::configure(const std::string& name, const std::string& authentication) {
    const std::string hosts = etcd_.url().substr(etcd_.url().find("//") + 2);
    require(fs::replace_file(
        workspace_->path() / name / "patroni.yml",
        fmt::format(kConfiguration, name, hosts, ports_.at(name), data(name).string(), sockets_, authentication)));
    own(name);
}

etcd::NodeProof Site::prove(const std::string& name, std::vector<std::string> arguments) {
    std::vector<std::string> argv = {(workspace_->bin() / "polygon-bootstrap").string(), "prove"};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    argv.insert(argv.end(), {"--config", (workspace_->path() / name / "patroni.yml").string()});
    return require(etcd::parse_proof(run(std::move(argv))));
}

std::string Site::query(const std::string& name, const std::string& sql) {
    std::string out = run({"psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", sockets_, "-p",
                           std::to_string(ports_.at(name)), "-U", superuser_, "-d", "postgres", "-c", sql});
    while (!out.empty() && out.back() == '\n')
        out.pop_back();
    return out;
}

void Site::set_hba(const std::string& name, const std::string& lines) {
    const std::string before = query(name, "SELECT pg_conf_load_time()");
    require(fs::replace_file(data(name) / "pg_hba.conf", lines));
    own(name);
    query(name, "SELECT pg_reload_conf()");
    require(support::wait_for("the new pg_hba.conf", 60s, [&]() -> Status {
        const bool is_loaded = query(name, "SELECT pg_conf_load_time()") != before;
        return is_loaded ? Status() : Status(Error{Errc::timeout, "not loaded", ""});
    }));
}

void Site::put(const std::string& relative_key, const std::string& value) {
    REQUIRE(client_.commit({.compares = {}, .then = {etcd::put(kPrefix + relative_key, value)}}).has_value());
}

std::string Site::read_certificate(const std::string& name) const {
    return fs::read_file(data(name).string() + ".certificate.json").value_or("");
}

}  // namespace polygon::proving
