// What code in a clone can reach while it is in quarantine.
#include "common/postgres/private_server.h"

#include <fmt/format.h>

#include "common/process/isolation.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/listener.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using namespace std::chrono_literals;
using backup::test::run_postgres;
using backup::test::Workspace;
using polygon::support::Listener;
using process::Isolation;
using support::require;

Deadline soon() {
    return Deadline(system_clock(), 120s);
}

fs::Path make_cluster(const Workspace& workspace) {
    run_postgres("initdb", {"-D", workspace / "clone", "-U", "postgres", "-A", "trust", "-N"});
    return workspace / "clone";
}

// None, and those that work here as the servers' user; the filter also where a namespace does.
std::vector<Isolation> isolations() {
    std::vector<Isolation> working = {Isolation::none};
    for (const Isolation isolation : {Isolation::socket_filter, Isolation::network_namespace}) {
        if (process::run({.argv = {"true"}, .isolation = isolation}, system_clock(), soon()))
            working.push_back(isolation);
    }
    return working;
}

// A child of the server, as whatever an extension does: where a connection is made, COPY succeeds. It has to be read.
std::string call(const Listener& listener) {
    return fmt::format("COPY (SELECT 1) TO PROGRAM 'bash -c \"exec 3<>/dev/tcp/127.0.0.1/{} && cat >/dev/null\"'",
                       listener.port());
}

TEST_CASE("a server that is isolated cannot dial out, and one that is not can") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    const Binaries binaries = newest_binaries();
    CHECK(process::strongest_isolation() == isolations().back());
    for (const Isolation isolation : isolations()) {
        INFO(process::to_text(isolation));
        Listener listener;
        PrivateServer server = require(PrivateServer::prepare(binaries, clone, {}, isolation));
        require(server.start(system_clock(), soon()));
        {
            Connection session = require(server.connect("postgres", "postgres"));
            const Status called = session.execute(call(listener));
            CHECK(called.has_value() == (isolation == Isolation::none));
            CHECK(listener.count_connections() == (isolation == Isolation::none ? 1 : 0));
            // Files are its own as before.
            require(session.execute("CREATE TABLE IF NOT EXISTS public.kept (n int)"));
            require(session.execute("CHECKPOINT"));
        }
        require(server.stop(system_clock(), soon()));
    }
}

TEST_CASE("a statement in single-user mode is isolated too") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    const Binaries binaries = newest_binaries();
    for (const Isolation isolation : isolations()) {
        INFO(process::to_text(isolation));
        Listener listener;
        PrivateServer server = require(PrivateServer::prepare(binaries, clone, {}, isolation));
        const Status called = server.run_single(call(listener), system_clock(), soon());
        CHECK(called.has_value() == (isolation == Isolation::none));
        CHECK(listener.count_connections() == (isolation == Isolation::none ? 1 : 0));
    }
}

TEST_CASE("what a server is changed to holds from the next start on") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    const Isolation strongest = process::strongest_isolation();
    Listener listener;
    PrivateServer server =
        require(PrivateServer::prepare(newest_binaries(), clone, {{"work_mem", "7MB"}}, Isolation::none));
    require(server.start(system_clock(), soon()));
    require(server.stop(system_clock(), soon()));
    require(server.change({{"work_mem", "9MB"}}, strongest));
    require(server.start(system_clock(), soon()));
    Connection session = require(server.connect("postgres", "postgres"));
    CHECK(require(session.value("SHOW work_mem")) == "9MB");
    CHECK(require(session.value("SHOW listen_addresses")).empty());
    CHECK(session.execute(call(listener)).has_value() == (strongest == Isolation::none));
}

}  // namespace
}  // namespace polygon::postgres::test
