// A login by certificate whose key has a passphrase: sslpassword of Patroni's configuration.
#include <fstream>

#include <fmt/format.h>

#include "common/postgres/private_server.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/postgres/servers_user.h"
#include "tests/support/ports.h"
#include "tests/support/require.h"

namespace polygon::postgres::test {
namespace {

using namespace std::chrono_literals;
using backup::test::run_postgres;
using backup::test::Workspace;
using support::require;

Deadline soon() {
    return Deadline(system_clock(), 120s);
}

// Self-signed: it is its own authority. Without a passphrase for "".
void make_certificate(const fs::Path& folder, const std::string& name, const std::string& passphrase) {
    std::vector<std::string> argv = {"openssl",
                                     "req",
                                     "-x509",
                                     "-newkey",
                                     "rsa:2048",
                                     "-days",
                                     "30",
                                     "-subj",
                                     "/CN=" + name,
                                     "-keyout",
                                     folder / (name + ".key"),
                                     "-out",
                                     folder / (name + ".pem")};
    if (passphrase.empty())
        argv.emplace_back("-nodes");
    else
        argv.insert(argv.end(), {"-passout", "pass:" + passphrase});
    require(process::run_checked({.argv = std::move(argv)}, system_clock(), soon()));
    std::filesystem::permissions(folder / (name + ".key"), std::filesystem::perms::owner_read);
}

TEST_CASE("a client key with a passphrase opens a session, and only with it") {
    const Workspace workspace;
    run_postgres("initdb", {"-D", workspace / "clone", "-U", "postgres", "-A", "trust", "-N"});
    const AsServersUser as_servers_user;
    const fs::Path clone = workspace / "clone";
    make_certificate(clone, "127.0.0.1", "");
    make_certificate(clone, "postgres", "key-secret");
    const int port = require(support::free_port());
    PrivateServer server = require(PrivateServer::prepare(
        newest_binaries(), clone,
        {{"ssl", "on"},
         {"ssl_cert_file", clone / "127.0.0.1.pem"},
         {"ssl_key_file", clone / "127.0.0.1.key"},
         {"ssl_ca_file", clone / "postgres.pem"}},
        process::Isolation::none,
        Listening{.host = "127.0.0.1", .port = port, .access = "hostssl all all 127.0.0.1/32 cert\n"}));
    require(server.start(system_clock(), soon()));
    ConnectionParameters parameters =
        at_address(fmt::format("127.0.0.1:{}", port), "postgres", Secret(), "postgres",
                   {{"sslmode", "require"}, {"sslcert", clone / "postgres.pem"}, {"sslkey", clone / "postgres.key"}});
    parameters.key_password = Secret("key-secret");
    CHECK(require(require(Connection::open_shielded(parameters)).value("SELECT current_user")) == "postgres");
    parameters.key_password = Secret("another-secret");
    const auto refused = Connection::open_shielded(parameters);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::connection);
    CHECK(refused.error().message.find("-secret") == std::string::npos);
    require(server.stop(system_clock(), soon()));
}

}  // namespace
}  // namespace polygon::postgres::test
