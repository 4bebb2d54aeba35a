#include "common/postgres/connection.h"

#include <map>

#include <fmt/format.h>

#include "common/process/isolation.h"
#include "tests/support/catch.h"
#include "tests/support/listener.h"

namespace polygon::postgres {
namespace {

TEST_CASE("takes an address apart into host and port") {
    CHECK(at_address("10.0.0.1:5433", "u", Secret(), "db").keywords.at("port") == "5433");
    CHECK(at_address("10.0.0.1", "u", Secret(), "db").keywords.at("port") == "5432");
    CHECK(at_address("[::1]:6000", "u", Secret(), "db").keywords.at("host") == "::1");
    CHECK(at_address("[::1]", "u", Secret(), "db").keywords.at("host") == "::1");
    CHECK(at_address("h:1", "", Secret(), "db").keywords.at("user") == "postgres");
    CHECK(at_address("h:1", "u", Secret(), "db", {{"sslmode", "require"}}).keywords.at("sslmode") == "require");
}

TEST_CASE("an address is that of one server, and nothing that libpq would take for more") {
    for (const char* address : {"", ":5432", "/tmp:5432", "@abstract:5432", "a,b:5432", "a b:5432", "h:", "h:x",
                                "h:1,2", "h:123456", "h' port='1", "postgresql://h", "*:5432"}) {
        INFO(address);
        const auto refused = Connection::open(at_address(address, "u", Secret("hush"), "db"));
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Errc::configuration);
        CHECK_THAT(refused.error().message, ContainsText("is not the address of one server"));
    }
    for (const auto& [host, port] : std::map<std::string, std::string>{
             {"10.0.0.1", "5432"}, {"db-1.example_x.org", "1"}, {"fe80::1%eth0", "65535"}}) {
        CHECK(require_one_server(host, port).has_value());
    }
}

TEST_CASE("a database's name is never a connection string, whatever it looks like") {
    support::Listener listener;
    for (const std::string& name :
         {fmt::format("hostaddr=127.0.0.1 port={}", listener.port()),
          fmt::format("postgresql://127.0.0.1:{}/x", listener.port()), std::string("tenant=42")}) {
        INFO(name);
        const auto refused = Connection::open(
            {.keywords = {{"host", "/nonexistent"}, {"dbname", name}}, .host_is = HostIs::socket_directory});
        REQUIRE_FALSE(refused.has_value());
        CHECK_THAT(refused.error().message, ContainsText("/nonexistent/.s.PGSQL.5432"));
        const auto by_conninfo =
            Connection::open({.conninfo = "host=/nonexistent dbname=postgres", .keywords = {{"dbname", name}}});
        CHECK_THAT(by_conninfo.error().message, ContainsText("/nonexistent/.s.PGSQL.5432"));
    }
    CHECK(listener.count_connections() == 0);
}

TEST_CASE("whether a server is full is asked of nobody that no session would be opened to") {
    support::Listener listener;
    const std::string two = fmt::format("127.0.0.1,127.0.0.1:{}", listener.port());
    CHECK_FALSE(Connection::is_refused_as_full(at_address(two, "u", Secret("hush"), "db")));
    CHECK(listener.count_connections() == 0);
}

TEST_CASE("a keyword of a newer libpq than ours does not keep a session from being opened") {
    const auto refused =
        Connection::open(at_address("127.0.0.1:1", "u", Secret("hush"), "db", {{"sslnegotiation", "postgres"}}));
    REQUIRE_FALSE(refused.has_value());
    CHECK_THAT(refused.error().message, ContainsText("Connection refused"));
}

TEST_CASE("a session that is opened without network reaches nobody") {
    support::Listener listener;
    const std::string address = fmt::format("127.0.0.1:{}", listener.port());
    const Status dialled = process::run_without_network([&]() -> Status {
        TRY(Connection::open(at_address(address, "u", Secret("hush"), "db")));
        return {};
    });
    REQUIRE_FALSE(dialled.has_value());
    CHECK(dialled.error().code == Errc::connection);
    CHECK_THAT(dialled.error().message,
               ContainsText("Address family not supported by protocol") || ContainsText("libpq gives no reason"));
    CHECK(listener.count_connections() == 0);
}

TEST_CASE("a refused connection is an error that may be retried and does not show the password") {
    const auto refused = Connection::open(at_address("127.0.0.1:1", "u", Secret("hush"), "db"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::connection);
    CHECK(refused.error().retry == Retry::safe);
    CHECK(refused.error().message.find("hush") == std::string::npos);
}

}  // namespace
}  // namespace polygon::postgres
