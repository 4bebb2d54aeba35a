#include "tests/integration/programs/site.h"

#include <fstream>

#include <fmt/format.h>

#include "common/process/isolation.h"
#include "tests/support/isolations.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// Production's bootstrap superuser is not called postgres, a role's name needs quoting, and the clone would carry a
// subscription, a foreign server's password, a prepared transaction and an ALTER SYSTEM. Of pgAgent there is what the
// quarantine touches, with a trigger that dials out when it does, and writes down what came of it.
const char* const kProduction = R"sql(
ALTER SYSTEM SET archive_timeout = 77;
CREATE ROLE app LOGIN PASSWORD 'production-app';
CREATE ROLE report LOGIN PASSWORD 'production-report' VALID UNTIL '2001-01-01';
CREATE ROLE "we""ird" SUPERUSER LOGIN PASSWORD 'production-weird';
ALTER ROLE app SET search_path = nowhere;
ALTER DATABASE postgres SET default_transaction_read_only = on;
CREATE ROLE replicator LOGIN REPLICATION CONNECTION LIMIT 0;
ALTER ROLE replicator SET statement_timeout = 1;
ALTER ROLE app SET app.api_host = 'orders.prod.example';
ALTER ROLE ALL SET lock_timeout = '1h';
CREATE DATABASE closed;
CREATE DATABASE audit IS_TEMPLATE true;
CREATE DATABASE thai;
ALTER ROLE report IN DATABASE thai SET session_preload_libraries = 'nowhere';
ALTER DATABASE thai SET app.tenant = 'thai';
UPDATE pg_database SET datcollversion = '1.0' WHERE datname = 'thai';
)sql";
const char* const kThai = R"sql(
CREATE TABLE trips AS SELECT g AS id, md5(g::text) AS stop FROM generate_series(1, 20000) g;
CREATE EXTENSION postgres_fdw;
CREATE SERVER partner FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host 'partner.example');
CREATE USER MAPPING FOR app SERVER partner OPTIONS (user 'u', password 'partner-secret');
CREATE USER MAPPING FOR PUBLIC SERVER partner OPTIONS (user 'p', password 'partner-secret');
CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=@PORT@ dbname=x connect_timeout=2' PUBLICATION p WITH (connect = false, slot_name = 'feed');
CREATE FOREIGN DATA WRAPPER bare;
CREATE SERVER legacy FOREIGN DATA WRAPPER bare OPTIONS (address 'legacy.example', port '99', api_key 'partner-secret');
CREATE SCHEMA cron;
CREATE TABLE cron.job (id int);
CREATE SCHEMA pgagent;
CREATE TABLE pgagent.pga_job AS SELECT 1 AS jobid, true AS jobenabled;
INSERT INTO pg_extension (oid, extname, extowner, extnamespace, extrelocatable, extversion)
    VALUES (77777, 'pgagent', 10, 'pgagent'::regnamespace, false, '4.2');
CREATE TABLE calls (outcome text);
CREATE FUNCTION call() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN
    COPY (SELECT 1) TO PROGRAM 'bash -c "exec 3<>/dev/tcp/127.0.0.1/@PORT@ && cat >/dev/null"';
    INSERT INTO public.calls VALUES ('connected');
    RETURN NEW;
EXCEPTION WHEN external_routine_exception THEN
    INSERT INTO public.calls VALUES ('refused');
    RETURN NEW;
END $$;
CREATE TRIGGER call BEFORE UPDATE ON pgagent.pga_job FOR EACH ROW EXECUTE FUNCTION call();
ALTER TABLE pgagent.pga_job ENABLE ALWAYS TRIGGER call;
INSERT INTO pg_subscription_rel VALUES ((SELECT oid FROM pg_subscription), 'trips'::regclass, 'i', NULL);
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE EVENT TRIGGER refuse_always ON ddl_command_end EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER refuse_always ENABLE ALWAYS;
CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION refuse();
)sql";

// It allows no connections in the end. Its TimescaleDB is a row in the catalog: no package of Debian has the extension.
const char* const kClosed = R"sql(
CREATE EXTENSION postgres_fdw;
CREATE SERVER hidden FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '10.0.0.9', port '5433');
CREATE USER MAPPING FOR app SERVER hidden OPTIONS (password 'partner-secret');
CREATE SCHEMA _timescaledb_config;
CREATE TABLE _timescaledb_config.bgw_job AS SELECT g AS id, true AS scheduled FROM generate_series(1, 3) g;
INSERT INTO pg_extension VALUES (99990, 'timescaledb', 10, 'public'::regnamespace, true, '2.9', NULL, NULL);
\connect template1
ALTER DATABASE closed WITH ALLOW_CONNECTIONS false;
)sql";
const char* const kAudit = R"sql(
CREATE SUBSCRIPTION trail CONNECTION 'host=127.0.0.1 port=@PORT@ dbname=x connect_timeout=2' PUBLICATION p WITH (connect = false, slot_name = 'trail');
)sql";

}  // namespace

Site& Site::shared() {
    static Site site;
    return site;
}

Site::Site() {
    workspace_ = require(support::Workspace::make(support::Lifetime::ends_with_us));
    require(workspace_->install());
    etcd_ = std::make_unique<support::EtcdServer>(require(support::EtcdServer::make(*workspace_, "etcd")));
    require(etcd_->start());
    make_production();
    write_configuration(good_section());
}

Site::~Site() {
    (void)etcd_->stop();
}

process::Finished Site::run_with(std::vector<std::string> argv, process::Environment environment) {
    return require(process::run(workspace_->tool(std::move(argv), std::move(environment)), system_clock(),
                                Deadline(system_clock(), 240s)));
}

process::Finished Site::run(std::vector<std::string> argv, const process::Environment& variables) {
    process::Environment environment = workspace_->environment(path());
    environment["APP_PASSWORD"] = "polygon-app";
    for (const auto& [name, value] : variables)
        environment[name] = value;
    return run_with(std::move(argv), environment);
}

process::Finished Site::run_postgres(std::vector<std::string> argv) {
    argv.front() = (workspace_->postgres_bin() / argv.front()).string();
    return run_with(std::move(argv), workspace_->environment(path()));
}

process::Finished Site::bootstrap(const process::Environment& variables) {
    return run({"polygon-bootstrap", "--config", configuration().string(), "--scope=polygon",
                "--datadir=" + data_directory().string()},
               variables);
}

process::Command Site::bootstrap_command(const std::string& log) const {
    process::Environment environment = workspace_->environment(path());
    environment["APP_PASSWORD"] = "polygon-app";
    process::Command command = workspace_->tool({"polygon-bootstrap", "--config", configuration().string(),
                                                 "--scope=polygon", "--datadir=" + data_directory().string()},
                                                environment);
    command.output_file = path() / log;
    return command;
}

std::string Site::query(const stdfs::path& socket_directory, const std::string& user, const std::string& database,
                        const std::string& sql) {
    const process::Finished done =
        run_with({(workspace_->postgres_bin() / "psql").string(), "-XAtq", "-v", "ON_ERROR_STOP=1", "-h",
                  socket_directory.string(), "-U", user, "-d", database, "-c", sql},
                 workspace_->environment(path()));
    INFO(sql << "\n" << done.err);
    REQUIRE(done.exit_status == 0);
    return done.out.empty() ? "" : done.out.substr(0, done.out.size() - 1);
}

void Site::with_server(const stdfs::path& data_directory, const std::function<void(const stdfs::path&)>& body) {
    const stdfs::path socket_directory = require(workspace_->make_directory("socket"));
    // Trust, from a file of ours: what the tests ask is not who may log in.
    const stdfs::path access = path() / "trust.conf";
    std::ofstream(access) << "local all all trust\nlocal replication all trust\n";
    const std::string options = fmt::format(
        "-c listen_addresses= -c unix_socket_directories={} -c hba_file={} -c max_prepared_transactions=5 -c "
        "wal_level=logical",
        socket_directory.string(), access.string());
    const process::Finished started = run_postgres({"pg_ctl", "start", "-w", "-t", "120", "-D", data_directory.string(),
                                                    "-l", (path() / "server.log").string(), "-o", options});
    INFO(started.out << started.err);
    REQUIRE(started.exit_status == 0);
    body(socket_directory);
    REQUIRE(run_postgres({"pg_ctl", "stop", "-w", "-m", "fast", "-D", data_directory.string()}).exit_status == 0);
}

void Site::make_production() {
    const stdfs::path data = path() / "production";
    REQUIRE(run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "-k", "--no-sync"}).exit_status ==
            0);
    with_server(data, [&](const stdfs::path& socket_directory) { fill_production(socket_directory); });
}

void Site::fill_production(const stdfs::path& socket_directory) {
    for (const auto& [database, script] : {std::pair{"postgres", kProduction}, std::pair{"thai", kThai},
                                           std::pair{"closed", kClosed}, std::pair{"audit", kAudit}}) {
        const stdfs::path file = path() / "script.sql";
        std::string text = script;
        for (std::size_t place = 0; (place = text.find("@PORT@", place)) != std::string::npos;)
            text.replace(place, 6, std::to_string(publisher_.port()));
        std::ofstream(file) << text;
        const process::Finished done =
            run_postgres({"psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", socket_directory.string(), "-U", "boss", "-d",
                          database, "-f", file.string()});
        INFO(done.err);
        REQUIRE(done.exit_status == 0);
    }
    query(socket_directory, "boss", "thai",
          "BEGIN; INSERT INTO trips VALUES (-1, 'open'); PREPARE TRANSACTION 'left open'");
    const std::string tar = (tar_backups() / "20261120").string();
    require(workspace_->make_directory("backups"));
    const std::vector<std::string> base = {"pg_basebackup",     "-h",       socket_directory.string(), "-U", "boss",
                                           "--checkpoint=fast", "--no-sync"};
    std::vector<std::string> tar_arguments = base;
    tar_arguments.insert(tar_arguments.end(), {"-Ft", "-Xs", "-z", "-D", tar});
    REQUIRE(run_postgres(tar_arguments).exit_status == 0);
    std::vector<std::string> plain_arguments = base;
    plain_arguments.insert(plain_arguments.end(),
                           {"-Fp", "-Xs", "--manifest-checksums=NONE", "-D", plain_backup().string()});
    REQUIRE(run_postgres(plain_arguments).exit_status == 0);
}

std::string Site::good_section() const {
    return fmt::format("  source: {{directory: {}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
                       tar_backups().string());
}

void Site::write_configuration(const std::string& polygon_section) {
    std::ofstream file(configuration());
    file << "scope: polygon\nname: polygon1\n"
         << "etcd3: {hosts: " << etcd_->endpoint() << "}\n"
         << "restapi: {listen: '127.0.0.1:1', connect_address: '127.0.0.1:1'}\n"
         << "postgresql:\n  listen: 127.0.0.1:1\n  connect_address: 127.0.0.1:1\n"
         << "  data_dir: " << data_directory().string() << "\n"
         << "  bin_dir: " << workspace_->postgres_bin().string() << "\n"
         << "  authentication:\n"
         << "    superuser: {username: postgres, password: polygon-superuser}\n"
         << "    replication: {username: replicator, password: polygon-replication}\n"
         << "    rewind: {username: rewinder, password: polygon-rewind}\n";
    if (!polygon_section.empty()) file << "polygon:\n" << polygon_section;
}

void Site::clear() {
    std::error_code ignored;
    stdfs::remove_all(path() / "node", ignored);
    require(workspace_->make_directory("node"));
    run({"etcdctl", "--endpoints", etcd_->endpoint(), "del", "--prefix", "/service/"}, {{"ETCDCTL_API", "3"}});
    write_configuration(good_section());
}

int Site::calls_let_through() const {
    const process::Isolation strongest = workspace_->account().strongest_isolation();
    REQUIRE((strongest != process::Isolation::none || !support::has_seccomp()));
    return strongest != process::Isolation::none ? 0 : 1;
}

void Site::etcd_put(const std::string& key, const std::string& value) {
    REQUIRE(run({"etcdctl", "--endpoints", etcd_->endpoint(), "put", "--", key, value}, {{"ETCDCTL_API", "3"}})
                .exit_status == 0);
}

std::map<std::string, std::string> Site::etcd_keys() {
    const process::Finished done =
        run({"etcdctl", "--endpoints", etcd_->endpoint(), "get", "--prefix", "/service/", "--keys-only"},
            {{"ETCDCTL_API", "3"}});
    std::map<std::string, std::string> keys;
    std::istringstream lines(done.out);
    for (std::string key; std::getline(lines, key);) {
        if (!key.empty()) keys[key] = require(etcd_->get(key)).value_or("");
    }
    return keys;
}

bool Site::has_no_data() const {
    for (const char* suffix : {"", ".staged", ".previous"}) {
        if (stdfs::exists(data_directory().string() + suffix)) return false;
    }
    return true;
}

}  // namespace polygon::test
