// Databases of a real server that somebody drops while they are visited.
#include "common/sanitize/databases.h"

#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using backup::test::run_postgres;
using backup::test::Server;
using backup::test::Workspace;
using support::require;

TEST_CASE("a database that was dropped or closed before its visit is passed over, one that keeps us out is an error") {
    const Workspace workspace;
    run_postgres("initdb", {"-D", workspace / "production", "-U", "postgres", "-A", "trust", "-N"});
    const Server server(workspace, workspace / "production");
    std::string before_visit;
    const sanitize::ConnectTo connect_to = [&](const std::string& database) {
        if (database == "tenant" && !before_visit.empty()) server.query(before_visit);
        return Connection::open({.keywords = {{"host", (workspace / "socket-production").string()},
                                              {"user", database == "tenant" ? "tester" : "postgres"},
                                              {"dbname", database}}});
    };
    const auto visited = [&]() -> Result<std::string> {
        std::string names;
        TRY(sanitize::visit_databases(connect_to, sanitize::Closed::passed_over,
                                      [&](Connection&, const std::string& name) -> Status {
                                          names += name + " ";
                                          return {};
                                      }));
        return names;
    };
    server.query("CREATE ROLE tester LOGIN");
    server.query("CREATE DATABASE tenant");
    CHECK(require(visited()) == "postgres template1 tenant ");
    before_visit = "ALTER DATABASE tenant ALLOW_CONNECTIONS false";
    CHECK(require(visited()) == "postgres template1 ");
    server.query("ALTER DATABASE tenant ALLOW_CONNECTIONS true");
    before_visit = "DROP DATABASE tenant";
    CHECK(require(visited()) == "postgres template1 ");

    server.query("CREATE DATABASE tenant");
    before_visit = "REVOKE CONNECT ON DATABASE tenant FROM PUBLIC";
    const auto kept_out = visited();
    REQUIRE_FALSE(kept_out.has_value());
    CHECK_THAT(kept_out.error().message, ContainsText("permission denied for database"));
}

}  // namespace
}  // namespace polygon::postgres::test
