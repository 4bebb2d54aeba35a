#include "tests/support/thai.h"

#include <chrono>

#include <fmt/format.h>

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

Status run_script(Workspace& workspace, const PatroniNode& node, const Login& login, int tickets) {
    process::Environment environment = workspace.environment(workspace.path());
    environment["PGPASSWORD"] = login.password;
    const process::Command psql = {.argv = {"psql", "-X", "-q", "-o", "/dev/null", "--host=127.0.0.1",
                                            fmt::format("--port={}", node.postgres_port()), "--username=" + login.user,
                                            "--dbname=thai", fmt::format("--set=tickets={}", tickets),
                                            std::string("--file=") + POLYGON_SOURCE_ROOT + "/tests/support/thai.sql"},
                                   .environment = environment};
    TRY(process::run_checked(psql, system_clock(), Deadline(system_clock(), 600s)));
    return {};
}

}  // namespace

Status load_thai(Workspace& workspace, Cluster& cluster, int tickets) {
    const Credentials& credentials = cluster.credentials();
    Database postgres = TRY(cluster.connect_to_leader());
    TRY(postgres.set_login(credentials.app));
    TRY(postgres.set_login(credentials.report));
    TRY(postgres.run(fmt::format("CREATE DATABASE thai OWNER {}", credentials.app.user)));
    const PatroniNode* const leader = TRY(cluster.leader());
    return run_script(workspace, *leader, credentials.superuser, tickets);
}

Result<Contents> read_thai(Database& database) {
    Contents contents;
    for (const char* relation : {"stations", "routes", "buses", "trips", "tickets", "takings", "passengers", "news"}) {
        if (TRY(database.value("SELECT to_regclass($1)", {relation})).empty()) {
            contents[relation] = "absent";
            continue;
        }
        contents[relation] = TRY(database.value(
            fmt::format("SELECT count(*) || '/' || coalesce(sum(hashtext(r::text)), 0) FROM {} AS r", relation)));
    }
    // A sequence's last value runs ahead of the leader's on replicas and after recovery (PostgreSQL
    // commands/sequence.c, SEQ_LOG_VALS): it must not have fallen back.
    contents["ticket_numbers"] = TRY(database.value(
        "SELECT (SELECT last_value FROM ticket_numbers) >= (SELECT max(number) FROM tickets) AS has_not_fallen_back"));
    return contents;
}

}  // namespace polygon::support
