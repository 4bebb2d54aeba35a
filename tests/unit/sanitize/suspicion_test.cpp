#include "common/sanitize/suspicion.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

TEST_CASE("names that speak of a secret") {
    for (const char* name : {"app.smtp_pass", "db_pwd", "aws_access_key_id", "app.jwt", "apiKey", "app.apikey",
                             "password", "userPassword", "anon.salt", "sslpassword", "auth_token", "app.pw",
                             "client_secret", "keys", "passfile", "APP.API-KEY", "ssl_passphrase_command"}) {
        INFO(name);
        CHECK(names_secret(name));
    }
    for (const char* name : {"app.tenant", "app.keyboard", "primary_key", "partition_keys", "host", "passive",
                             "app.author", "port", "schema_name", "", "..."}) {
        INFO(name);
        CHECK_FALSE(names_secret(name));
    }
}

TEST_CASE("names that speak of another system") {
    for (const char* name : {"app.api_host", "app.endpoints", "app.DSN", "app.brokers", "app.address"}) {
        INFO(name);
        CHECK(names_place(name));
    }
    CHECK_FALSE(names_place("app.tenant"));
    CHECK_FALSE(names_place("s"));
}

TEST_CASE("values that hold an address") {
    for (const char* value :
         {"user:pw@partner:5432/db", "prod-db:5432", "a.example,b.example", "prod-db01.internal 5432", "::1",
          "[fe80::1]:80", "2001:db8::5", "fe80::1%eth0", "10.1.2.3", "[10.1.2.3]:80", "https://x", "x, host = y",
          "dbname=x hostaddr=y", "orders.prod.example:8443", "mail@partner.example", "{\"a\": \"db.example\"}",
          "\\\\files\\share", "db.example.", "http://x/y"}) {
        INFO(value);
        CHECK(holds_address(value));
    }
    for (const char* value : {"thai", "1.2.3", "0.75", "12:30", "12:30:00", "Asia/Bangkok", "1, 2", "", "::", "@",
                              "a:b", "1.2.3.4.5", "localhost", "ghost=1", "ISO, MDY"}) {
        INFO(value);
        CHECK_FALSE(holds_address(value));
    }
}

TEST_CASE("of a core setting's value a connection alone counts") {
    CHECK(holds_connection("x, host = y"));
    CHECK(holds_connection("user:pw@partner"));
    CHECK(holds_connection("10.1.2.3"));
    CHECK_FALSE(holds_connection("pg_catalog.english"));
    CHECK_FALSE(holds_connection("\"$user\", public"));
    CHECK_FALSE(holds_connection("%m [%p] %q%u@%d "));
}

TEST_CASE("values that hold a credential") {
    for (const char* value : {"user:pw@partner:5432/db", "postgres://u:p@h/d", "dbname=x password=y", "PASSWORD = y",
                              "server=x;pwd=y", "https://h/?passwd=y", "eyJhbGciOiJIUzI1NiJ9.e30.abc",
                              "AKIAIOSFODNN7EXAMPLE", "-----BEGIN PRIVATE KEY-----"}) {
        INFO(value);
        CHECK(holds_credential(value));
    }
    for (const char* value : {"partner.example", "u@partner", ":@", "https://h/path", "password", "nopwd=1", "eyJ"}) {
        INFO(value);
        CHECK_FALSE(holds_credential(value));
    }
}

TEST_CASE("long values are looked through without running out of stack") {
    constexpr std::size_t kLength = 100000;
    for (const char c : {'a', '.', ':', '1', '@', ' ', 'h', '='}) {
        INFO(c);
        (void)names_secret(std::string(kLength, c));
        (void)holds_credential(std::string(kLength, c));
        (void)describe_address(std::string(kLength, c));
        CHECK(holds_address(std::string(kLength, c) + " prod-db:5432"));
    }
    CHECK_FALSE(holds_address(std::string(kLength, 'a')));
}

TEST_CASE("of an address host and port are shown, and nothing else") {
    CHECK(describe_address("partner.example") == "partner.example");
    CHECK(describe_address("10.0.0.9:5433") == "10.0.0.9:5433");
    CHECK(describe_address("https://u:secret@api.example:8443/v1/secret?token=secret") == "api.example:8443");
    CHECK(describe_address("u:sec@ret@api.example") == "api.example");
    CHECK(describe_address("//db.example:1521/SERVICE") == "db.example:1521");
    CHECK(describe_address("dbname=x password=secret host=db.example") == "db.example");
    CHECK(describe_address("host='db.example' password=secret") == "db.example");
    CHECK(describe_address("[::1]:80") == "[::1]:80");
    CHECK(describe_address("fe80::1") == "fe80::1");
    CHECK(describe_address("/run/postgresql") == "a local socket");
    for (const char* value : {"u:sec/ret@api.example", "https://h/?password=a@secret", "user:secret", "password=secret",
                              "(DESCRIPTION=(PASSWORD=secret))", "", "[secret", "host=a:secret"}) {
        INFO(value);
        CHECK(describe_address(value) == "an address that is not shown");
    }
}

}  // namespace
}  // namespace polygon::sanitize
