// What a real server says of the generation that its data carries.
#include "common/sanitize/stamp.h"

#include "common/postgres/generation_marker.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using backup::test::run_postgres;
using backup::test::Server;
using backup::test::Workspace;
using support::require;

using Carried = std::optional<std::string>;

// In an encoding that has not every character of UTF-8.
fs::Path make_cluster(const Workspace& workspace) {
    run_postgres("initdb", {"-D", workspace / "production", "-U", "postgres", "-A", "trust", "-N", "--encoding=LATIN1",
                            "--locale=C"});
    return workspace / "production";
}

TEST_CASE("the generation of a server's data is that of its polygon.json, and the table's where there is none") {
    const Workspace workspace;
    const fs::Path data = make_cluster(workspace);
    const Server server(workspace, data);
    Connection session = require(Connection::open(
        {.keywords = {{"host", workspace / "socket-production"}, {"user", "postgres"}, {"dbname", "postgres"}}}));
    CHECK(require(sanitize::read_carried_generation(session)) == Carried());

    require(sanitize::create_stamp_table(session));
    CHECK(require(sanitize::read_carried_generation(session)) == Carried());
    require(sanitize::stamp(session, {.generation = "g1"}, "{}"));
    CHECK(require(sanitize::read_carried_generation(session)) == Carried("g1"));

    // A copy that has not replayed its own stamp, or a stale replica that has replayed another's.
    const AsServersUser as_servers_user;
    require(write_marker(data, {.generation = "g2", .backup_label = "สำรอง \\ \"g9\""}));
    CHECK(require(sanitize::read_carried_generation(session)) == Carried("g2"));
}

}  // namespace
}  // namespace polygon::postgres::test
