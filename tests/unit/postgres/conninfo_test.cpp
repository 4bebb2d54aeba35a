#include "common/postgres/conninfo.h"

#include "tests/support/catch.h"

namespace polygon::postgres {
namespace {

TEST_CASE("the password is taken out of a connection string, however it is written") {
    for (const char* text :
         {"host=prod port=5433 user=replicator password=geheim", "postgresql://replicator:geheim@prod:5433/"}) {
        INFO(text);
        const auto parsed = parse_conninfo(text, "p.yml:3");
        REQUIRE(parsed.has_value());
        CHECK(parsed->password.reveal() == "geheim");
        CHECK(parsed->text() == "host='prod' port='5433' user='replicator'");
        CHECK(parsed->server() == "prod:5433");
    }
}

TEST_CASE("values keep their quotes, backslashes and spaces") {
    const auto parsed = parse_conninfo(R"(host=/run/my\ sockets user='o\'brien' password='a b\\c')", "p.yml:3");
    REQUIRE(parsed.has_value());
    CHECK(parsed->password.reveal() == "a b\\c");
    CHECK(parsed->text() == R"(host='/run/my sockets' user='o\'brien')");
    const auto again = parse_conninfo(parsed->text(), "again");
    REQUIRE(again.has_value());
    CHECK(again->keywords == parsed->keywords);
}

TEST_CASE("without a password libpq looks for one itself") {
    const auto parsed = parse_conninfo("service=prod passfile=/etc/polygon/pgpass replication=database", "p.yml:3");
    REQUIRE(parsed.has_value());
    CHECK(parsed->password.is_empty());
    CHECK(parsed->text() == "passfile='/etc/polygon/pgpass' service='prod'");
    CHECK(parsed->server() == "prod");
    CHECK(parse_conninfo("user=x", "p.yml:3")->server() == "the local server");
}

TEST_CASE("what cannot be understood is not quoted: it may be a password") {
    const auto broken = parse_conninfo("host=prod password=geheim und offen", "p.yml:3");
    REQUIRE_FALSE(broken.has_value());
    CHECK(broken.error().code == Errc::configuration);
    CHECK(broken.error().message == "the connection string (p.yml:3) cannot be understood");
    CHECK(broken.error().hint ==
          "Write it as host=… user=…, values with spaces in single quotes, or as postgresql://…");
}

TEST_CASE("a secret that has no way round the argv is refused") {
    const auto refused = parse_conninfo("host=prod sslpassword=geheim", "p.yml:3");
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message == "the connection string (p.yml:3) holds 'sslpassword', which would be seen in ps");
    CHECK(refused.error().hint == "Take it out, or put it into a file that 'service' names.");
}

}  // namespace
}  // namespace polygon::postgres
