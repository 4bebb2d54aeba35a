#include "common/sanitize/left_settings.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

TEST_CASE("what an application may notice the absence of") {
    for (const char* name :
         {"lc_time", "timezone", "datestyle", "shared_preload_libraries", "search_path",
          "default_transaction_isolation", "max_prepared_transactions", "statement_timeout",
          "idle_in_transaction_session_timeout", "xmlbinary", "cron.database_name", "row_security"}) {
        INFO(name);
        CHECK(matters_to_behaviour(name));
    }
    for (const char* name : {"shared_buffers", "archive_command", "port", "work_mem", "log_timezone", "time"}) {
        INFO(name);
        CHECK_FALSE(matters_to_behaviour(name));
    }
}

TEST_CASE("switches, numbers and known words are told") {
    CHECK(is_safe_to_tell("shared_buffers", "128MB"));
    CHECK(is_safe_to_tell("random_page_cost", "1.1"));
    CHECK(is_safe_to_tell("checkpoint_timeout", "15 min"));
    CHECK(is_safe_to_tell("autovacuum", "Off"));
    CHECK(is_safe_to_tell("shared_preload_libraries", "pg_cron, $libdir/other"));
    CHECK(is_safe_to_tell("lc_time", "th_TH.UTF-8"));
    CHECK(is_safe_to_tell("wal_level", "logical"));
    CHECK(is_safe_to_tell("password_encryption", "scram-sha-256"));
    CHECK(is_safe_to_tell("cron.max_running_jobs", "5"));
}

TEST_CASE("whatever may be a secret is not told") {
    for (const char* name :
         {"archive_command", "restore_command", "primary_conninfo", "ssl_passphrase_command", "ssl_key_file",
          "anon.salt", "myext.api_token", "vault.password", "app.db_pwd", "app.jwt", "app.pw"}) {
        INFO(name);
        CHECK_FALSE(is_safe_to_tell(name, "1234"));
        CHECK_FALSE(is_safe_to_tell(name, "on"));
    }
    CHECK_FALSE(is_safe_to_tell("cron.database_name", "jobs"));
    CHECK_FALSE(is_safe_to_tell("data_directory", "/secret/place"));
    CHECK_FALSE(is_safe_to_tell("myext.id", "1234567890123456789012"));
    CHECK_FALSE(is_safe_to_tell("myext.id", "12-34"));
    CHECK_FALSE(is_safe_to_tell("myext.id", "0xabcd"));
    CHECK_FALSE(is_safe_to_tell("myext.id", ""));
    CHECK_FALSE(is_safe_to_tell("myext.id", "10parsecs"));
    CHECK_FALSE(is_safe_to_tell("lc_time", "C\nmore"));
    CHECK_FALSE(is_safe_to_tell("search_path", std::string(1001, 'a')));
    CHECK_FALSE(is_safe_to_tell("search_path", std::string(100000, 'a')));
    CHECK_FALSE(is_safe_to_tell("search_path", "user:pw@partner"));
}

TEST_CASE("the certificate tells how many settings are missing, and which of them matter") {
    postgres::GenerationMarker marker;
    CHECK(describe_left_settings(marker) == "0 not carried over");
    marker.not_carried_over = {{"archive_command", std::nullopt, "postgresql.conf", false},
                               {"lc_time", "C", "postgresql.conf", true},
                               {"search_path", "a", "postgresql.auto.conf", true}};
    CHECK(describe_left_settings(marker) == "3 not carried over; of these matter to behaviour: lc_time, search_path");
    marker.left = {"something else", std::string(kConfigurationNotInBackup)};
    CHECK(describe_left_settings(marker) ==
          "3 not carried over; of these matter to behaviour: lc_time, search_path; its postgresql.conf was not in the "
          "backup");
    marker.not_carried_over.clear();
    CHECK(describe_left_settings(marker) == "its configuration was not in the backup");
}

}  // namespace
}  // namespace polygon::sanitize
