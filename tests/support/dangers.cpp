#include "tests/support/dangers.h"

#include <array>
#include <fstream>

#include <fmt/format.h>

namespace polygon::support {
namespace {

namespace stdfs = std::filesystem;

// The dynamic configuration alone can set wal_level and max_prepared_transactions. Patroni drops slots that it does not
// know unless it is told to ignore them.
constexpr std::array kProduction = {
    Insertion{"        max_wal_size: 256MB", "        wal_level: logical\n        max_prepared_transactions: 10\n"},
    Insertion{"    maximum_lag_on_failover: 1048576", "    ignore_slots:\n      - {type: logical, database: thai}\n"},
    Insertion{"    unix_socket_directories: ''",
              "    shared_preload_libraries: pg_cron\n    cron.database_name: thai\n"
              "    cron.use_background_workers: 'on'\n"}};
constexpr std::array kPolygon = {Insertion{"    unix_socket_directories: ''",
                                           "    shared_preload_libraries: pg_cron\n    cron.database_name: thai\n"
                                           "    cron.use_background_workers: 'on'\n    log_statement: all\n"}};

const Login kWeird = {"we\"ird Role", "production-weird-secret"};
const Login kUnable = {"unable", "production-unable-secret"};
constexpr const char* kForeignPassword = "foreign-server-secret";
constexpr const char* kProgramPassword = "program-secret";
constexpr const char* kOptionPassword = "server-option-secret";
constexpr const char* kSettingPassword = "role-setting-secret";

constexpr const char* kRowSecurity = R"sql(
CREATE TABLE passengers (id integer PRIMARY KEY, name text, passport text);
INSERT INTO passengers SELECT i, 'passenger ' || i, md5(i::text) FROM generate_series(1, 1000) AS i;
ALTER TABLE passengers OWNER TO app;
ALTER TABLE passengers ENABLE ROW LEVEL SECURITY;
ALTER TABLE passengers FORCE ROW LEVEL SECURITY;
CREATE POLICY few ON passengers USING (id <= 10);
)sql";

// No event trigger fires for ALTER ROLE itself: roles are shared objects (PostgreSQL's documentation of event
// triggers). It is refused with whatever else somebody else than production's own people would do to disarm a clone.
constexpr const char* kEventTriggers = R"sql(
CREATE FUNCTION refuse_changes() RETURNS event_trigger LANGUAGE plpgsql AS $$
BEGIN
    IF tg_tag ~ '(ROLE|SUBSCRIPTION|USER MAPPING|SCHEMA|EXTENSION|SERVER)$'
       AND current_setting('application_name') <> 'stand' THEN
        RAISE EXCEPTION '% is refused here', tg_tag;
    END IF;
END $$;
CREATE EVENT TRIGGER refuse_start ON ddl_command_start EXECUTE FUNCTION refuse_changes();
CREATE EVENT TRIGGER refuse_end ON ddl_command_end EXECUTE FUNCTION refuse_changes();
ALTER EVENT TRIGGER refuse_end ENABLE ALWAYS;
)sql";

// {0}: port, {1} to {3}: passwords. The last server is dropped, and its mapping stays behind as a dead row.
constexpr const char* kForeignServers = R"sql(
CREATE EXTENSION postgres_fdw;
CREATE EXTENSION dblink;
CREATE SERVER reports FOREIGN DATA WRAPPER postgres_fdw
    OPTIONS (host '127.0.0.1', port '{0}', dbname 'reports', connect_timeout '2');
CREATE SERVER "far Away" FOREIGN DATA WRAPPER dblink_fdw OPTIONS (host '127.0.0.1', port '{0}', dbname 'reports');
CREATE USER MAPPING FOR postgres SERVER reports OPTIONS (user 'reader', password '{1}');
CREATE USER MAPPING FOR "we""ird Role" SERVER reports OPTIONS (user 'reader', password '{1}');
CREATE USER MAPPING FOR PUBLIC SERVER "far Away" OPTIONS (user 'reader', password '{1}');
CREATE FOREIGN TABLE far_reports (id integer) SERVER reports;
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE listing (line text) SERVER files OPTIONS (program 'curl -u reader:{2} http://127.0.0.1:{0}/');
CREATE FOREIGN DATA WRAPPER bare;
CREATE SERVER web FOREIGN DATA WRAPPER bare OPTIONS (api_key '{3}');
CREATE SERVER former FOREIGN DATA WRAPPER bare OPTIONS (api_key '{3}');
CREATE USER MAPPING FOR postgres SERVER former OPTIONS (password '{1}');
DROP SERVER former CASCADE;
ANALYZE;
)sql";

// Patroni's sessions would obey the last: its superuser is at home in that database. No file has the library's name.
constexpr const char* kSettings[] = {
    "ALTER ROLE app SET search_path = nowhere",
    "ALTER ROLE app IN DATABASE thai SET default_transaction_read_only = on",
    "ALTER ROLE replicator SET default_transaction_read_only = on",
    "ALTER ROLE unable SET session_preload_libraries = 'no_such_library'",
    "ALTER DATABASE thai SET work_mem = '8MB'",
    "ALTER DATABASE postgres SET default_transaction_read_only = on",
};

Status check_for_pg_cron(const Workspace& workspace) {
    const stdfs::path major = workspace.postgres_bin().parent_path();
    if (stdfs::exists(major / "lib/pg_cron.so")) return {};
    return Error{Errc::configuration, fmt::format("no pg_cron for the PostgreSQL in '{}'", major.string()),
                 fmt::format("Install the package postgresql-{}-cron.", major.filename().string())};
}

// postgresql.conf is Patroni's and has one already. It includes postgresql.base.conf; postgresql.auto.conf wins.
Status archive_by_all_files(Cluster& production, const std::string& archive) {
    const PatroniNode* const leader = TRY(production.leader());
    const stdfs::path base = leader->data_directory() / "postgresql.base.conf";
    std::ofstream file(base, std::ios::app);
    file << fmt::format("archive_mode = on\narchive_command = 'cp %p {}/%f'\n", archive) << std::flush;
    if (!file) return Error{Errc::io, fmt::format("cannot write '{}'", base.string())};
    Database database = TRY(production.connect_to_leader());
    TRY(database.run("ALTER SYSTEM SET archive_mode = 'on'"));
    TRY(database.run(fmt::format("ALTER SYSTEM SET archive_command = 'cp %p {}/%f'", archive)));
    return database.run("SELECT pg_reload_conf()");
}

Status add_roles(Database& database) {
    for (const Login& login : {kWeird, kUnable})
        TRY(database.set_login(login));
    return database.run("ALTER ROLE \"we\"\"ird Role\" SUPERUSER");
}

// Refused on the polygon means nothing unless they are production's.
Status check_roles(Cluster& production) {
    const PatroniNode* const leader = TRY(production.leader());
    for (const Login& login : Dangers::more_production_roles()) {
        const auto answer = leader->connect(login);
        // After the password has been taken.
        if (!answer && answer.error().message.find("no_such_library") == std::string::npos) return answer.error();
    }
    return {};
}

Status leave_transaction_open(Database& thai) {
    TRY(thai.run("BEGIN"));
    TRY(thai.run("INSERT INTO passengers VALUES (-1, 'nobody', 'none')"));
    return thai.run("PREPARE TRANSACTION 'left open'");
}

}  // namespace

std::span<const Insertion> dangerous_production() {
    return kProduction;
}

std::span<const Insertion> watched_polygon() {
    return kPolygon;
}

Result<std::unique_ptr<Dangers>> Dangers::make(Workspace& workspace) {
    TRY(check_for_pg_cron(workspace));
    const stdfs::path runs = TRY(workspace.make_directory("jobs")) / "runs";
    std::unique_ptr<Dangers> dangers(new Dangers(runs));
    dangers->partner_ = TRY(Partner::make(workspace));
    return dangers;
}

Status Dangers::arm(Cluster& production, const stdfs::path& archive) {
    TRY(partner_->tie_to(production));
    TRY(archive_by_all_files(production, archive.string()));
    Database thai = TRY(production.connect_to_leader("thai"));
    Database postgres = TRY(production.connect_to_leader());
    TRY(add_roles(thai));
    TRY(add_job(thai));
    TRY(add_foreign_servers(thai));
    TRY(reach_foreign_server(thai));
    TRY(add_closed_database(production));
    TRY(thai.run(kRowSecurity));
    TRY(leave_transaction_open(thai));
    for (Database* database : {&thai, &postgres})
        TRY(database->run(kEventTriggers));
    for (const char* setting : kSettings)
        TRY(thai.run(setting));
    TRY(thai.run(fmt::format("ALTER ROLE app SET app.api_token = '{}'", kSettingPassword)));
    return check_roles(production);
}

Status Dangers::add_job(Database& thai) const {
    TRY(thai.run("CREATE EXTENSION pg_cron"));
    TRY(thai.value("SELECT cron.schedule('production''s', '* * * * *', $1)", {job()}));
    return {};
}

Status Dangers::add_foreign_servers(Database& database) const {
    TRY(database.run("SET log_min_error_statement = 'panic'"));  // a statement that fails would be logged
    return database.run(
        fmt::format(kForeignServers, foreign_server_.port(), kForeignPassword, kProgramPassword, kOptionPassword));
}

Status Dangers::add_closed_database(Cluster& production) const {
    Database postgres = TRY(production.connect_to_leader());
    TRY(postgres.run("CREATE DATABASE closed"));
    {
        Database closed = TRY(production.connect_to_leader("closed"));
        TRY(add_foreign_servers(closed));
        TRY(closed.run(kEventTriggers));
    }
    return postgres.run("ALTER DATABASE closed ALLOW_CONNECTIONS false");
}

// It can be reached, and says so.
Status Dangers::reach_foreign_server(Database& thai) {
    // Since PostgreSQL 16 postgres_fdw waits for whom it has reached whatever its connect_timeout says.
    TRY(thai.run("SET statement_timeout = '3s'"));
    const auto answer = thai.value("SELECT count(*) FROM far_reports");
    TRY(thai.run("RESET statement_timeout"));
    if (answer) return Error{Errc::not_proven, "the listener answered production as a server"};
    if (foreign_server_.count_connections() > 0) return {};
    return Error{Errc::not_proven, "production did not reach its foreign server: " + answer.error().message};
}

std::string Dangers::job() const {
    return fmt::format("COPY (SELECT current_setting('cluster_name'), clock_timestamp()) TO PROGRAM 'cat >>\"{}\"'",
                       runs_.string());
}

std::size_t Dangers::count_runs(const std::string& scope) const {
    std::ifstream file(runs_);
    std::size_t count = 0;
    for (std::string line; std::getline(file, line);)
        count += line.starts_with(scope + "\t") ? 1 : 0;
    return count;
}

std::vector<Login> Dangers::more_production_roles() {
    return {kWeird, kUnable, Partner::production_role()};
}

std::vector<std::string> Dangers::passwords() const {
    std::vector<std::string> all = partner_->passwords();
    all.insert(all.end(), {kWeird.password, kUnable.password, kForeignPassword, kProgramPassword, kOptionPassword,
                           kSettingPassword});
    return all;
}

}  // namespace polygon::support
