#include "common/sanitize/ties/session_settings.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

std::string reason(std::string_view name, std::string_view value) {
    return std::string(reason_to_reset(name, value).value_or("none"));
}

TEST_CASE("settings that name a host may not stay") {
    CHECK(reason("app.api_host", "orders") == "it names a host");
    CHECK(reason("app.endpoints", "a,b") == "it names a host");
    CHECK(reason("app.backend", "orders.prod.example:8443") == "it names a host");
    CHECK(reason("app.target", "10.1.2.3") == "it names a host");
    CHECK(reason("app.target", "[10.1.2.3]:80") == "it names a host");
    CHECK(reason("app.target", "https://x") == "it names a host");
    CHECK(reason("app.target", "prod-db:5432") == "it names a host");
    CHECK(reason("app.target", "a.example,b.example") == "it names a host");
    CHECK(reason("app.target", "prod-db01.internal 5432") == "it names a host");
    CHECK(reason("app.target", "2001:db8::5") == "it names a host");
    CHECK(reason("app.target", std::string(100000, 'a') + " b.example") == "it names a host");
    CHECK(reason("search_path", "x, host = y") == "it names a host");
    CHECK(reason("app.target", "dbname=x hostaddr=y") == "it names a host");
}

TEST_CASE("settings that look like a credential may not stay") {
    CHECK(reason("app.api_key", "x") == "it looks like a credential");
    CHECK(reason("app.jwt_secret", "x") == "it looks like a credential");
    CHECK(reason("app.key", "x") == "it looks like a credential");
    CHECK(reason("app.smtp_pass", "x") == "it looks like a credential");
    CHECK(reason("app.db_pwd", "x") == "it looks like a credential");
    CHECK(reason("app.aws_access_key_id", "x") == "it looks like a credential");
    CHECK(reason("app.jwt", "x") == "it looks like a credential");
    CHECK(reason("app.target", "user:pw@partner:5432/db") == "it looks like a credential");
    CHECK(reason("anon.salt", "x") == "it looks like a credential");
}

TEST_CASE("libraries that every session would load may not stay") {
    CHECK(reason("session_preload_libraries", "auto_explain") == "it has a library loaded into every session");
    CHECK(reason("local_preload_libraries", "x") == "it has a library loaded into every session");
}

TEST_CASE("what an application needs to behave as in production stays") {
    CHECK(reason("search_path", "\"$user\", public") == "none");
    CHECK(reason("default_text_search_config", "pg_catalog.english") == "none");
    CHECK(reason("work_mem", "64MB") == "none");
    CHECK(reason("TimeZone", "Asia/Bangkok") == "none");
    CHECK(reason("search_path", std::string(100000, 'a')) == "none");
    CHECK(reason("log_line_prefix", "%m [%p] %q%u@%d ") == "none");
    CHECK(reason("DateStyle", "ISO, MDY") == "none");
    CHECK(reason("app.tenant", "thai") == "none");
    CHECK(reason("app.keyboard", "thai") == "none");
    CHECK(reason("app.version", "1.2.3") == "none");
    CHECK(reason("app.ratio", "0.75") == "none");
    CHECK(reason("password_encryption", "scram-sha-256") == "none");
}

}  // namespace
}  // namespace polygon::sanitize
