#include "tests/integration/programs/live_production.h"

#include <fstream>

#include <fmt/format.h>

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

constexpr const char* kAccess =
    "local replication recluse scram-sha-256\n"
    "local all recluse reject\n"
    "local replication replicator scram-sha-256\n"
    "local all replicator scram-sha-256\n"
    "local all all trust\n"
    "local replication all trust\n";

const stdfs::path& root() {
    return Site::shared().path();
}

}  // namespace

RunningServer::RunningServer(const std::string& name, const stdfs::path& data_directory,
                             const std::string& more_options) {
    Site& site = Site::shared();
    socket_directory_ = require(site.workspace().make_directory("sockets-" + name));
    const stdfs::path access = root() / (name + "-hba.conf");
    std::ofstream(access) << kAccess;
    std::vector<std::string> argv = {(site.workspace().postgres_bin() / "postgres").string(), "-D",
                                     data_directory.string()};
    for (const std::string& option :
         {std::string("listen_addresses="), "unix_socket_directories=" + socket_directory_.string(),
          "hba_file=" + access.string(), std::string("fsync=off"), more_options}) {
        if (option.empty()) continue;
        argv.insert(argv.end(), {"-c", option});
    }
    postmaster_ =
        require(process::Child::start(site.workspace().server({.argv = argv,
                                                               .environment = site.workspace().environment(root()),
                                                               .directory = root(),
                                                               .log = root() / (name + ".log")})));
    const auto is_up = [&] {
        return site.run_postgres({"pg_isready", "-q", "-h", socket_directory_.string()}).exit_status == 0;
    };
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 120s), 50ms, is_up));
}

RunningServer::~RunningServer() {
    postmaster_->signal(SIGINT);
    (void)postmaster_->wait(system_clock(), Deadline(system_clock(), 60s));
}

std::string RunningServer::query(const std::string& sql) const {
    return Site::shared().query(socket_directory_, "boss", "postgres", sql);
}

void RunningServer::wait_for(const std::string& sql) const {
    INFO(sql);
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 50ms, [&] { return query(sql) == "t"; }));
}

LiveProduction& LiveProduction::shared() {
    static LiveProduction production;
    return production;
}

LiveProduction::LiveProduction() {
    Site& site = Site::shared();
    const stdfs::path data = root() / "live";
    require(site.workspace().make_directory("archive"));
    require(site.workspace().make_directory("live-fast"));
    REQUIRE(site.run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "-k", "--no-sync"})
                .exit_status == 0);
    std::ofstream(data / "postgresql.conf", std::ios::app)
        << "archive_mode = on\narchive_command = 'cp %p " << archive().string() << "/%f'\n";
    server_.emplace("live", data, "");
    for (const std::string role : {"replicator", "recluse"}) {
        server_->query("CREATE ROLE " + role + " LOGIN REPLICATION PASSWORD 'it''s a \\ prod-secret'");
    }
    server_->query("CREATE ROLE app LOGIN PASSWORD 'production-app'");
    server_->query("CREATE TABLESPACE fast LOCATION '" + tablespace().string() + "'");
    server_->query("CREATE TABLE far TABLESPACE fast AS SELECT g AS id FROM generate_series(1, 1000) g");
    server_->query("CREATE TABLE moments (what text, at timestamptz DEFAULT clock_timestamp())");
}

std::string LiveProduction::conninfo(const std::string& user) const {
    return fmt::format("host={} user={}", server_->socket_directory().string(), user);
}

stdfs::path LiveProduction::tablespace() const {
    return root() / "live-fast";
}

stdfs::path LiveProduction::archive() const {
    return root() / "archive";
}

std::string LiveProduction::restore_command() const {
    return "cp " + archive().string() + "/%f %p";
}

void LiveProduction::back_up(const stdfs::path& directory, const stdfs::path& tablespace_place,
                             const std::vector<std::string>& more) const {
    std::vector<std::string> argv = {"pg_basebackup",
                                     "-h",
                                     server_->socket_directory().string(),
                                     "-U",
                                     "boss",
                                     "--checkpoint=fast",
                                     "--no-sync",
                                     "-Fp",
                                     "-D",
                                     directory.string(),
                                     "-T",
                                     tablespace().string() + "=" + tablespace_place.string()};
    argv.insert(argv.end(), more.begin(), more.end());
    const process::Finished done = Site::shared().run_postgres(argv);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
}

void LiveProduction::archive_wal() {
    const std::string segment = server_->query("SELECT pg_walfile_name(pg_switch_wal())");
    server_->wait_for("SELECT coalesce(last_archived_wal >= '" + segment + "', false) FROM pg_stat_archiver");
}

std::string LiveProduction::ties() const {
    return server_->query(
        "SELECT (SELECT count(*) FROM pg_stat_replication), (SELECT count(*) FROM pg_stat_progress_basebackup), "
        "(SELECT count(*) FROM pg_replication_slots)");
}

}  // namespace polygon::test
