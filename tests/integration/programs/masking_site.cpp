#include "tests/integration/programs/masking_site.h"

#include <fstream>

#include <fmt/format.h>

#include "common/postgres/connection.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

const char* const kShop = R"sql(
CREATE SCHEMA shop;
CREATE TABLE shop.customers (id int PRIMARY KEY, email text NOT NULL UNIQUE);
CREATE TABLE shop.orders (id int, customer int REFERENCES shop.customers ON UPDATE CASCADE);
INSERT INTO shop.customers SELECT g, 'customer' || g || '@production' FROM generate_series(1, 1000) g;
INSERT INTO shop.orders SELECT g, g FROM generate_series(1, 1000) g;
CREATE TABLE shop.notes (owner text, body text);
INSERT INTO shop.notes SELECT 'somebody', 'production-note' FROM generate_series(1, 100);
ALTER TABLE shop.notes OWNER TO app;
ALTER TABLE shop.notes ENABLE ROW LEVEL SECURITY;
ALTER TABLE shop.notes FORCE ROW LEVEL SECURITY;
CREATE POLICY nobody ON shop.notes USING (false);
CREATE TABLE shop.guarded (n int);
INSERT INTO shop.guarded VALUES (1);
CREATE FUNCTION shop.refuse_row() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'rows stay'; END $$;
CREATE TRIGGER refuse BEFORE UPDATE ON shop.guarded FOR EACH ROW EXECUTE FUNCTION shop.refuse_row();
CREATE FUNCTION shop.refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no'; END $$;
CREATE EVENT TRIGGER refuse ON ddl_command_start EXECUTE FUNCTION shop.refuse();
CREATE EVENT TRIGGER refuse_always ON ddl_command_end EXECUTE FUNCTION shop.refuse();
ALTER EVENT TRIGGER refuse_always ENABLE ALWAYS;
CREATE EVENT TRIGGER refuse_replica ON ddl_command_end EXECUTE FUNCTION shop.refuse();
ALTER EVENT TRIGGER refuse_replica ENABLE REPLICA;
CREATE EVENT TRIGGER sleeping ON ddl_command_end EXECUTE FUNCTION shop.refuse();
ALTER EVENT TRIGGER sleeping DISABLE;
)sql";

// What production's sessions get, and a masking one must not; search_path it has to.
const char* const kSettings = R"sql(
ALTER DATABASE shop SET search_path = shop;
ALTER DATABASE shop SET default_transaction_read_only = on;
ALTER DATABASE shop SET statement_timeout = 1;
ALTER DATABASE shop SET lock_timeout = 1;
ALTER DATABASE shop SET idle_in_transaction_session_timeout = 1;
ALTER DATABASE shop SET session_replication_role = replica;
ALTER DATABASE shop SET role = app;
ALTER DATABASE shop SET client_encoding = 'LATIN1';
ALTER DATABASE shop SET standard_conforming_strings = off;
ALTER DATABASE shop SET session_preload_libraries = 'of_production';
)sql";

}  // namespace

MaskingSite& MaskingSite::shared() {
    static MaskingSite site;
    return site;
}

MaskingSite::MaskingSite() {
    with_production([&] { fill_shop(); });
}

void MaskingSite::fill_shop() {
    query("postgres", "CREATE DATABASE shop");
    for (const std::string& name : kHostileDatabases) {
        std::string quoted = "\"";
        for (const char c : name)
            quoted += c == '"' ? "\"\"" : std::string(1, c);
        query("template1", "CREATE DATABASE " + quoted + "\"");
    }
    query("shop", kShop);
    query("template1", kSettings);
    require(site().workspace().make_directory("masking-backups"));
    REQUIRE(site()
                .run_postgres({"pg_basebackup", "-h", socket_.string(), "-U", "boss", "--checkpoint=fast", "--no-sync",
                               "-Ft", "-Xs", "-D", (site().path() / "masking-backups" / "20261121").string()})
                .exit_status == 0);
}

void MaskingSite::clear_folder() {
    std::error_code ignored;
    stdfs::remove_all(folder(), ignored);
    require(site().workspace().make_directory("sql.d"));
}

void MaskingSite::write(const std::string& name, const std::string& text) {
    std::ofstream(folder() / name) << text;
}

void MaskingSite::configure(const std::string& more) {
    site().clear();
    site().write_configuration(fmt::format(
        "  source: {{directory: {}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n  sql: {}\n{}",
        (site().path() / "masking-backups").string(), folder().string(), more));
}

void MaskingSite::with_production(const std::function<void()>& body) {
    site().with_server(site().path() / "production", [&](const stdfs::path& socket) {
        socket_ = socket;
        try {
            body();
        } catch (...) {  // a failed test: the next one starts the server again
            site().run_postgres({"pg_ctl", "stop", "-w", "-m", "fast", "-D", (site().path() / "production").string()});
            throw;
        }
    });
}

Result<std::vector<std::string>> MaskingSite::run(const std::map<std::string, std::string>& renamed,
                                                  std::chrono::milliseconds limit) {
    sanitize::Masked masked = TRY(mask(sanitize::OldRows::left, renamed, limit));
    return std::move(masked.runs);
}

Result<sanitize::Masked> MaskingSite::mask(sanitize::OldRows old_rows,
                                           const std::map<std::string, std::string>& renamed,
                                           std::chrono::milliseconds limit) {
    const auto binaries = require(postgres::find_binaries(site().workspace().postgres_bin(), 0, system_clock()));
    const std::map<std::string, std::string> address = {{"host", socket_.string()}, {"user", "boss"}};
    return sanitize::run_sql({.files = require(sanitize::find_sql_files(folder())),
                              .session = {.binaries = binaries, .address = address, .environment = {}},
                              .renamed = renamed,
                              .old_rows = old_rows,
                              .connect_to =
                                  [&](const std::string& database) {
                                      auto keywords = address;
                                      keywords["dbname"] = database;
                                      keywords["options"] = postgres::shielding_options(binaries.major_version);
                                      return postgres::Connection::open({.keywords = keywords});
                                  }},
                             system_clock(), Deadline(system_clock(), limit));
}

std::string MaskingSite::query(const std::string& database, const std::string& sql) {
    // A conninfo, so that any name is one; nothing of the database's own settings.
    std::string name = "'";
    for (const char c : database)
        name += c == '\'' || c == '\\' ? std::string("\\") + c : std::string(1, c);
    return site().query(socket_, "boss",
                        "dbname=" + name + "' options='" +
                            "-c session_preload_libraries= -c default_transaction_read_only=off -c statement_timeout=0 "
                            "-c lock_timeout=0 -c idle_in_transaction_session_timeout=0 -c role=none "
                            "-c standard_conforming_strings=on -c session_replication_role=origin' "
                            "client_encoding=UTF8",
                        sql);
}

}  // namespace polygon::test
