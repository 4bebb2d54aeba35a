#include "common/postgres/connection.h"

#include "tests/support/catch.h"

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

TEST_CASE("a refused connection is an error that may be retried and does not show the password") {
    const auto refused = Connection::open(at_address("127.0.0.1:1", "u", Secret("hush"), "db"));
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::connection);
    CHECK(refused.error().retry == Retry::safe);
    CHECK(refused.error().message.find("hush") == std::string::npos);
}

}  // namespace
}  // namespace polygon::postgres
