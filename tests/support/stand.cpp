#include "tests/support/stand.h"

#include <chrono>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

Credentials production_credentials() {
    return {.superuser = {"postgres", "production-postgres-secret"},
            .replication = {"replicator", "production-replicator-secret"},
            .rewind = {"rewinder", "production-rewinder-secret"},
            .app = {"app", "production-app-secret"},
            .report = {"report", "production-report-secret"}};
}

// The same names where production's lives on, another where the polygon has a role that production lacks.
Credentials polygon_credentials() {
    return {.superuser = {"postgres", "polygon-postgres-secret"},
            .replication = {"replicator", "polygon-replicator-secret"},
            .rewind = {"polygon_rewinder", "polygon-rewinder-secret"},
            .app = {"app", "polygon-app-secret"},
            .report = {"report", "polygon-report-secret"}};
}

// Until the cluster's WAL ends beyond `target`: one segment a statement.
Status write_wal_beyond(Cluster& cluster, const std::string& target) {
    Database database = TRY(cluster.connect_to_leader("thai_polygon"));
    while (TRY(database.value("SELECT pg_current_wal_lsn() > $1::pg_lsn", {target})) == "f") {
        if (is_interrupted()) return Error{Errc::timeout, "interrupted while writing WAL"};
        TRY(database.run("SELECT pg_logical_emit_message(true, 'stand', 'more'), pg_switch_wal()"));
    }
    return {};
}

Status fill_polygon(Cluster& cluster) {
    Database postgres = TRY(cluster.connect_to_leader());
    TRY(postgres.run("CREATE DATABASE thai_polygon"));
    Database database = TRY(cluster.connect_to_leader("thai_polygon"));
    return database.run(
        "CREATE TABLE tests AS SELECT i AS id, 'test ' || i AS name FROM generate_series(1, 1000) AS i");
}

}  // namespace

Result<std::string> read_system_identifier(Database& database) {
    return database.value("SELECT system_identifier FROM pg_control_system()");
}

Result<std::unique_ptr<Stand>> Stand::make(const StandSettings& settings) {
    std::unique_ptr<Workspace> workspace = TRY(Workspace::make(settings.lifetime));
    TRY(workspace->install(settings.programs));
    std::unique_ptr<Stand> stand(new Stand(settings, std::move(workspace)));
    TRY(stand->write_configurations());
    TRY(stand->make_clusters());
    if (settings.production == ProductionKind::dangerous) stand->dangers_ = TRY(Dangers::make(*stand->workspace_));
    return stand;
}

Status Stand::write_configurations() const {
    if (settings_.production == ProductionKind::dangerous) {
        TRY(write_config_variant(*workspace_, "production", "own-production", dangerous_production()));
        TRY(write_config_variant(*workspace_, "polygon", "base-polygon", watched_polygon()));
    } else {
        TRY(write_config_variant(*workspace_, "production", "own-production", {}));
        TRY(write_config_variant(*workspace_, "polygon", "base-polygon", {}));
    }
    return write_config_variant(*workspace_, "base-polygon", "own-polygon", {});
}

Status Stand::make_clusters() {
    const std::string archive = TRY(workspace_->make_directory("production/archive"));
    const std::string own_archive = TRY(workspace_->make_directory("polygon/archive"));
    const std::string backups = TRY(workspace_->make_directory("backups"));
    production_ = TRY(Cluster::make(
        *workspace_,
        {.scope = "production", .credentials = production_credentials(), .extra = {{"WAL_ARCHIVE", archive}}}));
    const Credentials credentials = polygon_credentials();
    polygon_ = TRY(Cluster::make(*workspace_, {.scope = "polygon",
                                               .credentials = credentials,
                                               .extra = {{"WAL_ARCHIVE", own_archive},
                                                         {"POLYGON_SOURCE_DIRECTORY", backups},
                                                         {"POLYGON_APP_PASSWORD", credentials.app.password}}}));
    return {};
}

Stand::Stand(const StandSettings& settings, std::unique_ptr<Workspace> workspace)
    : settings_(settings), workspace_(std::move(workspace)) {}

Status Stand::make_production() {
    production_->use(workspace_->patroni_config("own-production"), Launch::patroni);
    TRY(production_->etcd().start());
    TRY(production_->start_nodes());
    TRY(production_->wait_until_healthy());
    TRY(load_thai(*workspace_, *production_, settings_.tickets));
    return dangers_ ? dangers_->arm(*production_, archive()) : Status();
}

Status Stand::make_polygon() {
    // Its first generation is made by initdb, before there is a backup: the polygon's own file knows only the way from
    // a backup, so the nodes begin with production's file, without its dangers, and get their own at the first rebuild.
    polygon_->use(workspace_->patroni_config("production"), Launch::patroni);
    TRY(polygon_->etcd().start());
    TRY(polygon_->start_nodes());
    TRY(polygon_->wait_until_healthy());
    TRY(fill_polygon(*polygon_));
    Database production = TRY(production_->connect_to_leader());
    const std::string beyond = TRY(production.value("SELECT pg_current_wal_lsn() + 4 * 16777216::numeric"));
    TRY(write_wal_beyond(*polygon_, beyond));
    return polygon_->wait_until_healthy();
}

Status Stand::take_backup() {
    if (dangers_) TRY(dangers_->partner().begin_feeding(*production_));
    TRY(copy_production());
    if (dangers_) TRY(dangers_->partner().stop_feeding(*production_));
    return remember_production();
}

Status Stand::copy_production() {
    PatroniNode* const leader = TRY(production_->leader());
    const Credentials& credentials = production_->credentials();
    backup_ = TRY(workspace_->make_directory(fmt::format("backups/{}", ++backups_)));
    process::Environment environment = workspace_->environment(workspace_->path());
    environment["PGPASSWORD"] = credentials.replication.password;
    const process::Command command =
        workspace_->tool({"pg_basebackup", "-Ft", "-Xs", "-z", "--checkpoint=fast", "--no-password", "--host=127.0.0.1",
                          fmt::format("--port={}", leader->postgres_port()),
                          "--username=" + credentials.replication.user, "--pgdata=" + backup_.string()},
                         environment);
    TRY(process::run_checked(command, system_clock(), Deadline(system_clock(), 600s)));
    return {};
}

Status Stand::remember_production() {
    Database database = TRY(production_->connect_to_leader("thai"));
    production_state_.system_identifier = TRY(read_system_identifier(database));
    production_state_.timeline = std::stoi(TRY(database.value("SELECT timeline_id FROM pg_control_checkpoint()")));
    production_state_.contents = TRY(read_thai(database));
    production_state_.archive = list_archive(archive());
    return {};
}

Status Stand::stop_polygon() {
    if (auto leader = polygon_->connect_to_leader()) previous_identifier_ = TRY(read_system_identifier(*leader));
    return polygon_->stop_nodes();
}

Status Stand::reset(const std::string& leader) {
    polygon_->use(polygon_config(), Launch::entrypoint);
    process::Finished done = TRY(polygon_rebuild({"reset", "--leader", leader}));
    reset_output_ = done.out + done.err;
    if (done.exit_status == 0) return {};
    return Error{Errc::process_failed,
                 fmt::format("polygon-rebuild reset ended with status {}: {}", done.exit_status, reset_output_)};
}

Status Stand::start_polygon(SystemIdentifier system_identifier) {
    asked_identifier_ = system_identifier;
    const char* const setting = system_identifier == SystemIdentifier::kept ? "keep" : "new";
    for (PatroniNode& node : polygon_->nodes())
        node.set_variable("POLYGON_SYSTEM_IDENTIFIER", setting);
    polygon_->use(polygon_config(), Launch::entrypoint);
    return polygon_->start_nodes();
}

Status Stand::wait_for_polygon() {
    return polygon_->wait_until_healthy();
}

Status Stand::rebuild(const RebuildOptions& options) {
    TRY(stop_polygon());
    TRY(reset(options.leader));
    TRY(start_polygon(options.system_identifier));
    return wait_for_polygon();
}

Result<process::Finished> Stand::polygon_rebuild(std::vector<std::string> arguments) {
    return process::run(operator_command(std::move(arguments)), system_clock(), Deadline(system_clock(), 120s));
}

std::vector<std::string> Stand::passwords() const {
    std::vector<std::string> all = dangers_ ? dangers_->passwords() : std::vector<std::string>();
    for (const Credentials& side : {production_credentials(), polygon_credentials()}) {
        for (const Login& login : {side.superuser, side.replication, side.rewind, side.app, side.report})
            all.push_back(login.password);
    }
    return all;
}

Result<std::filesystem::path> Stand::leave_running() {
    const std::filesystem::path script = workspace_->path() / "end";
    std::string pids;
    for (Cluster* cluster : {production_.get(), polygon_.get()}) {
        for (const PatroniNode& node : cluster->nodes()) {
            if (const auto pid = node.pid()) pids += fmt::format(" {}", *pid);
        }
    }
    std::string servers;
    for (Cluster* cluster : {production_.get(), polygon_.get()}) {
        if (const auto pid = cluster->etcd().pid()) servers += fmt::format(" {}", *pid);
    }
    if (const auto pid = dangers_->partner().server().pid()) servers += fmt::format(" {}", *pid);
    // Only a process that still works in this directory is ours; a pid may have been given away since.
    const std::string text = fmt::format(
        "#!/bin/bash\n# Ends both clusters, production's partner, and removes this directory.\n"
        "end() {{\n  local ours=()\n  for pid; do\n"
        "    case $(readlink \"/proc/$pid/cwd\") in {0}/*) ours+=(\"$pid\"); kill \"$pid\" ;; esac\n  done\n"
        "  for pid in \"${{ours[@]}}\"; do tail --pid=\"$pid\" -f /dev/null; done\n}}\n"
        "end{1}\nend{2}\ncd / && rm -rf '{0}'\n",
        workspace_->path().string(), pids, servers);
    TRY(fs::write_file_durably(script, text, 0755));
    workspace_->keep();
    production_->release();
    polygon_->release();
    dangers_->partner().server().release();
    return script;
}

}  // namespace polygon::support
