// Versions of collations that a real server has recorded, and that another system would find changed.
#include "common/sanitize/collations.h"

#include <fmt/format.h>

#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using backup::test::run_postgres;
using backup::test::Server;
using backup::test::Workspace;
using support::require;

// A cluster with a locale that has versions; C.UTF-8 has none before PostgreSQL 17.
fs::Path make_production(const Workspace& workspace) {
    run_postgres("initdb", {"-D", workspace / "production", "-U", "postgres", "-A", "trust", "-N", "--encoding=UTF8",
                            "--locale-provider=icu", "--icu-locale=en", "--locale=C.UTF-8"});
    return workspace / "production";
}

sanitize::ConnectTo connector(const Workspace& workspace) {
    const std::string socket = (workspace / "socket-production").string();
    return [socket](const std::string& database) {
        return Connection::open({.keywords = {{"host", socket}, {"user", "postgres"}, {"dbname", database}}});
    };
}

// In one database; Server::query asks in database postgres.
void execute(const sanitize::ConnectTo& connect_to, const std::string& database, const std::string& sql) {
    Connection session = require(connect_to(database));
    require(session.command(sql));
}

TEST_CASE("a cluster on the system that made it has nothing to report") {
    const Workspace workspace;
    const Server server(workspace, make_production(workspace));
    server.query("CREATE TABLE used(t text COLLATE \"de-x-icu\", u text COLLATE \"C\")");
    CHECK(require(sanitize::compare_collations(connector(workspace))).empty());
}

TEST_CASE("databases and collations in use with another version are reported with the remedy, and nothing is changed") {
    const Workspace workspace;
    const Server server(workspace, make_production(workspace));
    const auto connect_to = connector(workspace);
    server.query("CREATE DATABASE \"Tha i\"");
    server.query("CREATE DATABASE closed ALLOW_CONNECTIONS false");
    execute(connect_to, "Tha i",
            "CREATE SCHEMA app; CREATE COLLATION app.german (provider = icu, locale = 'de');"
            "CREATE TABLE used(t text COLLATE app.german);"
            "UPDATE pg_collation SET collversion = '0.9' WHERE collname IN ('german', 'fr-x-icu')");
    std::string version = server.query("SELECT pg_database_collation_actual_version(oid) FROM pg_database LIMIT 1");
    version.pop_back();
    REQUIRE(version != "");
    server.query("UPDATE pg_database SET datcollversion = '1.0' WHERE datname IN ('Tha i', 'closed', 'template0')");
    server.query("UPDATE pg_database SET datcollversion = NULL WHERE datname = 'template1'");

    const auto lines = require(sanitize::compare_collations(connect_to));
    const auto of_database = [&](const std::string& name, const std::string& quoted) {
        return fmt::format(
            "database {}: its default collation has version 1.0 recorded and is {} here; REINDEX DATABASE {}, then "
            "ALTER DATABASE {} REFRESH COLLATION VERSION",
            name, version, quoted, quoted);
    };
    REQUIRE(lines.size() == 4);
    CHECK(std::vector<std::string>(lines.begin(), lines.begin() + 3) ==
          std::vector<std::string>{of_database("Tha i", "\"Tha i\""), of_database("closed", "\"closed\""),
                                   of_database("template0", "\"template0\"")});
    CHECK_THAT(lines[3], ContainsText("database Tha i: collation \"app\".\"german\" has version 0.9 recorded and is "));
    CHECK_THAT(lines[3], ContainsText(" here; REINDEX what depends on it, then ALTER COLLATION \"app\".\"german\" "
                                      "REFRESH VERSION"));
    CHECK(server.query("SELECT datname FROM pg_database WHERE NOT datallowconn ORDER BY 1") == "closed\ntemplate0\n");
    CHECK(server.query("SELECT count(*) FROM pg_database WHERE datcollversion = '1.0'") == "3\n");

    // The remedy that is named is one.
    execute(connect_to, "Tha i", "REINDEX DATABASE \"Tha i\"");
    execute(connect_to, "Tha i", "ALTER DATABASE \"Tha i\" REFRESH COLLATION VERSION");
    execute(connect_to, "Tha i", "ALTER COLLATION \"app\".\"german\" REFRESH VERSION");
    CHECK(require(sanitize::compare_collations(connect_to)).size() == 2);
}

TEST_CASE("in a closed database collations are compared too") {
    const Workspace workspace;
    const Server server(workspace, make_production(workspace));
    const auto connect_to = connector(workspace);
    server.query("CREATE DATABASE closed");
    execute(connect_to, "closed",
            "CREATE TABLE used(t text COLLATE \"de-x-icu\");"
            "UPDATE pg_collation SET collversion = '0.9' WHERE collname = 'de-x-icu'");
    server.query("ALTER DATABASE closed ALLOW_CONNECTIONS false");
    const auto lines = require(sanitize::compare_collations(connect_to));
    REQUIRE(lines.size() == 1);
    CHECK_THAT(lines[0], ContainsText("database closed: collation \"pg_catalog\".\"de-x-icu\" has version 0.9"));
    CHECK(server.query("SELECT datallowconn FROM pg_database WHERE datname = 'closed'") == "f\n");
}

}  // namespace
}  // namespace polygon::postgres::test
