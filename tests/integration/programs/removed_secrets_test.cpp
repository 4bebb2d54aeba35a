// What was removed from a clone is in none of its files: not in dead rows, not in WAL, not in what tools keep there.
#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/integration/programs/own_production.h"
#include "tests/support/secrets.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using support::Secrets;

// Verifiers as pg_authid has them: such a string is stored as it is.
#define VERIFIER(mark) "SCRAM-SHA-256$4096:c2FsdHNhbHRzYWx0c2E=$" mark mark mark mark "AAA=:" mark mark mark mark "AAA="
#define APP_BEFORE VERIFIER("BBBBBBBBBB")
#define APP VERIFIER("CCCCCCCCCC")
#define REPORT VERIFIER("DDDDDDDDDD")
#define GONE VERIFIER("EEEEEEEEEE")

// Each kind of place that holds a secret, as it is in use, and as production has left it behind itself: dropped or
// changed shortly before the backup. Of pglogical and PgQ there is what the quarantine touches.
const Script kRoles = {"postgres", "CREATE ROLE app LOGIN PASSWORD '" APP_BEFORE
                                   "';"
                                   "CREATE ROLE report LOGIN PASSWORD '" REPORT
                                   "';"
                                   "CREATE ROLE gone LOGIN PASSWORD '" GONE
                                   "';"
                                   "ALTER ROLE app PASSWORD '" APP
                                   "';"
                                   R"sql(
DROP ROLE gone;
CREATE DATABASE shop;
CREATE DATABASE closed;
CREATE DATABASE audit;
ALTER ROLE app SET app.api_password = 'role-setting-secret';
ALTER DATABASE shop SET app.api_token = 'database-setting-secret';
DO $$ BEGIN EXECUTE format('ALTER ROLE app IN DATABASE shop SET app.private_key = %L',
    'toasted-setting-secret' || (SELECT string_agg(md5(g::text), '') FROM generate_series(1, 500) g)); END $$;
)sql"};
const Script kShop = {"shop", R"sql(
CREATE SUBSCRIPTION feed CONNECTION 'host=127.0.0.1 port=1 user=u password=subscription-secret' PUBLICATION p
    WITH (connect = false, slot_name = 'feed');
CREATE EXTENSION file_fdw;
CREATE SERVER files FOREIGN DATA WRAPPER file_fdw;
CREATE FOREIGN TABLE listing (line text) SERVER files OPTIONS (program 'curl -u me:program-secret http://127.0.0.1:1');
CREATE FOREIGN DATA WRAPPER bare OPTIONS (master_password 'wrapper-secret');
CREATE SERVER web FOREIGN DATA WRAPPER bare OPTIONS (url 'https://u:server-secret@api.example:8443/v1');
CREATE USER MAPPING FOR PUBLIC SERVER web OPTIONS (password 'mapping-secret');
CREATE FOREIGN TABLE far (id int OPTIONS (api_token 'column-secret')) SERVER web OPTIONS (api_key 'table-secret');
CREATE SCHEMA pglogical;
CREATE TABLE pglogical.subscription (sub_name name, sub_enabled boolean NOT NULL DEFAULT true);
CREATE TABLE pglogical.node_interface (if_name name, if_dsn text NOT NULL);
INSERT INTO pglogical.node_interface VALUES ('a', 'host=prod password=node-secret');
INSERT INTO pg_extension VALUES (99991, 'pglogical', 10, 'pglogical'::regnamespace, false, '2.4.4', NULL, NULL);
CREATE SCHEMA pgq_node;
CREATE TABLE pgq_node.node_location (queue_name text, node_name text, node_location text, dead boolean);
INSERT INTO pgq_node.node_location VALUES ('q', 'n', 'host=prod password=location-secret', false);
CREATE SCHEMA _cluster;
CREATE TABLE _cluster.sl_path (pa_server int, pa_client int, pa_conninfo text);
INSERT INTO _cluster.sl_path VALUES (1, 2, 'host=prod password=deleted-path-secret');
DELETE FROM _cluster.sl_path;
INSERT INTO pglogical.node_interface VALUES ('b', 'host=prod password=deleted-node-secret');
DELETE FROM pglogical.node_interface WHERE if_name = 'b';
UPDATE pglogical.node_interface SET if_dsn = 'host=/nonexistent port=1' WHERE if_name = 'a';
CREATE SERVER before FOREIGN DATA WRAPPER bare OPTIONS (password 'dropped-server-secret');
CREATE USER MAPPING FOR app SERVER before OPTIONS (password 'dropped-mapping-secret');
CREATE FOREIGN TABLE old (id int OPTIONS (api_token 'dropped-column-secret')) SERVER before
    OPTIONS (api_key 'dropped-table-secret');
DROP SERVER before CASCADE;
ANALYZE;
)sql"};
const Script kClosed = {"closed", R"sql(
CREATE FOREIGN DATA WRAPPER bare;
CREATE SERVER hidden FOREIGN DATA WRAPPER bare OPTIONS (password 'closed-server-secret');
CREATE USER MAPPING FOR PUBLIC SERVER hidden OPTIONS (password 'closed-mapping-secret');
\connect postgres
ALTER DATABASE closed ALLOW_CONNECTIONS false;
)sql"};
const Script kAudit = {"audit", "CREATE TABLE trail AS SELECT 'dropped-database-secret' AS who;"};

const Secrets kSecrets = {APP_BEFORE,
                          APP,
                          REPORT,
                          GONE,
                          "role-setting-secret",
                          "database-setting-secret",
                          "toasted-setting-secret",
                          "subscription-secret",
                          "program-secret",
                          "wrapper-secret",
                          "server-secret",
                          "mapping-secret",
                          "column-secret",
                          "table-secret",
                          "dropped-server-secret",
                          "dropped-mapping-secret",
                          "dropped-column-secret",
                          "dropped-table-secret",
                          "node-secret",
                          "location-secret",
                          "deleted-path-secret",
                          "deleted-node-secret",
                          "closed-server-secret",
                          "closed-mapping-secret",
                          "dropped-database-secret",
                          "prefetched-secret",
                          "status-secret"};

// The backup, with what a fetcher of WAL has left in pg_wal.
const stdfs::path& backup_with_secrets() {
    static const stdfs::path backup = [] {
        const stdfs::path made = back_up("secrets", {kRoles, kShop, kClosed, kAudit});
        for (const char* file : {".wal-g/prefetch/000000010000000000000003", ".wal-g/prefetch/running/old",
                                 "RECOVERYXLOG", "000000010000000000000001.partial", "archive_status/notes"}) {
            const stdfs::path path = made / "pg_wal" / file;
            stdfs::create_directories(path.parent_path());
            std::ofstream(path) << (path.parent_path().filename() == "archive_status" ? "status-secret"
                                                                                      : "prefetched-secret");
        }
        require(Site::shared().workspace().account().give(made));
        return made;
    }();
    return backup;
}

Lines find_secrets(const stdfs::path& data_directory) {
    return support::find_in_data_directory(data_directory, kSecrets);
}

// Each on a line of its own, so that a failure shows them.
std::string joined(const Lines& lines) {
    std::string text;
    for (const std::string& line : lines)
        text += line + "\n";
    return text;
}

TEST_CASE("the search finds every secret in a backup of production") {
    const Lines found = find_secrets(backup_with_secrets());
    for (const std::string& secret : kSecrets) {
        INFO(secret);
        CHECK(std::any_of(found.begin(), found.end(),
                          [&](const std::string& line) { return line.ends_with(": " + secret); }));
    }
}

TEST_CASE("no file of a clone holds what was removed from it, whichever system identifier it has") {
    Site& site = Site::shared();
    for (const std::string identifier : {"new", "keep"}) {
        INFO(identifier);
        clone_of(backup_with_secrets(), "  databases: {drop: [audit]}\n  system_identifier: " + identifier + "\n");
        CHECK(joined(find_secrets(site.data_directory())) == "");
        site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
            const process::Finished proven = prove(socket);
            INFO(proven.err);
            CHECK(proven.exit_status == 0);
            CHECK_THAT(proven.err, ContainsText("check=\"removed from files\""));
        });
        CHECK(joined(find_secrets(site.data_directory())) == "");
        const std::string certificate = require(fs::read_file(site.data_directory().string() + ".certificate.json"));
        CHECK_THAT(certificate, ContainsText("removed from files"));
        CHECK_FALSE(support::has_secret(certificate, kSecrets));
    }
}

TEST_CASE("no file of a clone holds what was removed from it where there was no quarantine") {
    Site& site = Site::shared();
    const process::Environment boss = {{"PATRONI_SUPERUSER_USERNAME", "boss"}};
    site.clear();
    site.write_configuration(
        fmt::format("  source: {{directory: {}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n"
                    "  databases: {{drop: [audit]}}\n  quarantine: off\n  system_identifier: keep\n",
                    backup_with_secrets().string()));
    REQUIRE(site.bootstrap(boss).exit_status == 0);
    CHECK(joined(find_secrets(site.data_directory())) != "");
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        const process::Finished proven = site.run({"polygon-post-bootstrap", "--config", site.configuration().string(),
                                                   "host=" + socket.string() + " dbname=postgres user=boss"},
                                                  boss);
        INFO(proven.err);
        REQUIRE(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("catalogs are rewritten, production's WAL is gone"));
        CHECK(joined(find_secrets(site.data_directory())) == "");
    });
    CHECK(joined(find_secrets(site.data_directory())) == "");
}

}  // namespace
}  // namespace polygon::test
