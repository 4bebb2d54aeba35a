// What code in a clone can reach while it is in quarantine.
#include "common/postgres/private_server.h"

#include <fmt/format.h>

#include "common/process/isolation.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/isolations.h"
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
    std::vector<Isolation> working = support::working_isolations();
    working.insert(working.begin(), Isolation::none);
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

TEST_CASE("a data directory whose path looks like a list or a connection string is served like any other") {
    const Workspace workspace;
    const fs::Path clone = workspace / "a,hostaddr=127.0.0.1 port='9'";
    run_postgres("initdb", {"-D", clone, "-U", "postgres", "-A", "trust", "-N"});
    const AsServersUser as_servers_user;
    PrivateServer server = require(PrivateServer::prepare(newest_binaries(), clone, {}, Isolation::none));
    require(server.start(system_clock(), soon()));
    {
        Connection session = require(server.connect("postgres", "postgres"));
        CHECK(require(session.value("SHOW data_directory")) == clone.string());
        CHECK(server.address("postgres").at("host").find(',') == std::string::npos);
    }
    require(server.stop(system_clock(), soon()));
    require(server.run_single("SELECT 1", system_clock(), soon()));
}

TEST_CASE("what a server is changed to holds from the next start on") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    const Isolation strongest = isolations().back();
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

// A server that writes whatever it can of every statement into its log.
const ServerParameters kTalkative = {{"log_statement", "all"},
                                     {"log_duration", "on"},
                                     {"log_min_duration_statement", "0"},
                                     {"log_min_duration_sample", "0"},
                                     {"log_statement_sample_rate", "1"},
                                     {"log_transaction_sample_rate", "1"},
                                     {"log_min_error_statement", "error"},
                                     {"debug_print_parse", "on"},
                                     {"debug_print_rewritten", "on"},
                                     {"debug_print_plan", "on"}};

std::string alter_password(const std::string& secret) {
    return fmt::format("ALTER ROLE postgres PASSWORD 'SCRAM-SHA-256$4096:{0}$c3Rvcg==:c2VydmVy'", secret);
}

TEST_CASE("a password that a shielded session sets is not in the server's log, however much that takes down") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    std::vector<ServerParameters> servers = {kTalkative};
    for (const auto& parameter : kTalkative)
        servers.push_back({parameter});
    for (const ServerParameters& parameters : servers) {
        INFO(parameters.begin()->first);
        PrivateServer server = require(PrivateServer::prepare(newest_binaries(), clone, parameters, Isolation::none));
        require(server.start(system_clock(), soon()));
        const auto address = server.address("postgres");
        const fs::Path log = fs::Path(address.at("host")) / "server.log";
        Connection shielded = require(server.connect("postgres", "postgres"));
        require(shielded.execute(alter_password("b3B0aW9ucw==")));
        auto keywords = address;
        keywords["dbname"] = "postgres";
        Connection plain = require(Connection::open({.keywords = keywords}));
        require(plain.execute(alter_password("cGxhaW4=")));
        Connection unknown_version = require(Connection::open_shielded({.keywords = keywords}));
        require(unknown_version.execute(alter_password("c2hpZWxk")));
        CHECK_FALSE(shielded.execute("ALTER ROLE absent PASSWORD 'SCRAM-SHA-256$4096:ZXJyb3I=$x'").has_value());
        const std::string text = require(fs::read_file(log));
        CHECK(text.find("b3B0aW9ucw") == std::string::npos);
        CHECK(text.find("c2hpZWxk") == std::string::npos);
        CHECK(text.find("ZXJyb3I") == std::string::npos);
        if (parameters.size() > 1) CHECK(text.find("cGxhaW4") != std::string::npos);
        require(server.stop(system_clock(), soon()));
    }
}

TEST_CASE("the quarantine's log holds no row that an error quotes") {
    const Workspace workspace;
    const fs::Path clone = make_cluster(workspace);
    const AsServersUser as_servers_user;
    PrivateServer server = require(PrivateServer::prepare(newest_binaries(), clone, {}, Isolation::none));
    require(server.start(system_clock(), soon()));
    Connection session = require(server.connect("postgres", "postgres"));
    require(session.execute("CREATE TABLE public.c (email text UNIQUE)"));
    require(session.execute("INSERT INTO public.c VALUES ('alice@production')"));
    CHECK_FALSE(session.execute("INSERT INTO public.c VALUES ('alice@production')").has_value());
    const std::string text = require(fs::read_file(fs::Path(server.address("postgres").at("host")) / "server.log"));
    CHECK_THAT(text, ContainsText("duplicate key value"));
    CHECK(text.find("alice@production") == std::string::npos);
}

}  // namespace
}  // namespace polygon::postgres::test
