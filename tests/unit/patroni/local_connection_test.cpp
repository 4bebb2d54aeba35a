#include "common/patroni/local_connection.h"

#include "tests/support/catch.h"

namespace polygon::patroni {
namespace {

PostgresqlSection section(const std::string& listen) {
    return {
        .listen = listen,
        .data_dir = "/data",
        .superuser = {.username = "postgres", .password = Secret("secret"), .connection = {{"sslmode", "require"}}}};
}

TEST_CASE("Patroni's own connection goes to localhost, or to the first address where that is not listened on") {
    for (const char* listen : {"*:5433", "0.0.0.0:5433", "127.0.0.1:5433", "10.0.0.1, localhost:5433"})
        CHECK(local_connection(section(listen), "").address() == "localhost:5433");
    CHECK(local_connection(section("10.0.0.1,10.0.0.2:5433"), "").address() == "10.0.0.1:5433");
    CHECK(local_connection(section("10.0.0.1"), "").address() == "10.0.0.1:5432");
    CHECK(local_connection(section("[fe80::1]:5433"), "").keywords.at("host") == "fe80::1");
}

TEST_CASE("it has the superuser's name, password and connection parameters, and libpq's default for no name") {
    LocalConnection local = local_connection(section("*:5432"), "");
    CHECK(local.keywords.at("user") == "postgres");
    CHECK(local.keywords.at("sslmode") == "require");
    CHECK(local.keywords.at("dbname") == "postgres");
    CHECK(local.password.reveal() == "secret");
    CHECK_FALSE(local.is_by_socket());
    PostgresqlSection nameless = section("*:5432");
    nameless.superuser.username.clear();
    nameless.database = "admin";
    CHECK_FALSE(local_connection(nameless, "").keywords.contains("user"));
    CHECK(local_connection(nameless, "").keywords.at("dbname") == "admin");
}

TEST_CASE("by Unix socket it takes the first absolute folder, libpq's default, or TCP where there is none") {
    PostgresqlSection by_socket = section("*:5432");
    by_socket.use_unix_socket = true;
    CHECK_FALSE(local_connection(by_socket, "").keywords.contains("host"));
    CHECK(local_connection(by_socket, "").is_by_socket());
    CHECK(local_connection(by_socket, "").address() == "the default Unix socket:5432");
    by_socket.parameters["unix_socket_directories"] = "., /run/one, /run/two";
    CHECK(local_connection(by_socket, "").keywords.at("host") == "/run/one");
    by_socket.parameters["unix_socket_directories"] = "";
    CHECK(local_connection(by_socket, "").keywords.at("host") == "localhost");
}

TEST_CASE("the dynamic configuration counts where the node's own says nothing") {
    const std::string dynamic =
        R"({"postgresql":{"use_unix_socket":true,"parameters":{"unix_socket_directories":"/run/shared"}}})";
    PostgresqlSection own = section("*:5432");
    CHECK(local_connection(own, dynamic).address() == "/run/shared:5432");
    own.parameters["unix_socket_directories"] = "/run/own";
    CHECK(local_connection(own, dynamic).address() == "/run/own:5432");
    own.use_unix_socket = false;
    CHECK(local_connection(own, dynamic).address() == "localhost:5432");
    CHECK(local_connection(section("*:5432"), "junk").address() == "localhost:5432");
    CHECK(local_connection(section("*:5432"), R"({"postgresql":null})").address() == "localhost:5432");
}

TEST_CASE("access rules last where Patroni writes them, or where they are no part of the data directory") {
    CHECK_FALSE(has_lasting_access_rules(section("*:5432"), ""));
    CHECK(has_lasting_access_rules(section("*:5432"), R"({"postgresql":{"pg_hba":["local all all peer"]}})"));
    CHECK_FALSE(has_lasting_access_rules(section("*:5432"), R"({"postgresql":{"pg_hba":[]}})"));
    PostgresqlSection own = section("*:5432");
    own.has_pg_hba = true;
    CHECK(has_lasting_access_rules(own, ""));
    PostgresqlSection elsewhere = section("*:5432");
    elsewhere.config_dir = "/etc/postgresql/15/main";
    CHECK(has_lasting_access_rules(elsewhere, ""));
    elsewhere.config_dir = elsewhere.data_dir;
    CHECK_FALSE(has_lasting_access_rules(elsewhere, ""));
    elsewhere.parameters["hba_file"] = "/etc/pg_hba.conf";
    CHECK(has_lasting_access_rules(elsewhere, ""));
}

TEST_CASE("a member's address is that of its conn_url") {
    CHECK(address_in("postgres://10.0.0.1:5432/postgres") == "10.0.0.1:5432");
    CHECK(address_in("postgres://[fe80::1]:5432/postgres") == "[fe80::1]:5432");
    CHECK(address_in("").empty());
}

}  // namespace
}  // namespace polygon::patroni
