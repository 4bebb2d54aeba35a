#include "bootstrap/restore/files/production_settings.h"

#include "common/sanitize/left_settings.h"
#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

using Lines = std::vector<std::string>;

std::string value_of(const ProductionFiles& files, const std::string& name) {
    for (const postgres::LeftSetting& setting : read_production_settings(files).settings) {
        if (setting.name == name) return setting.value.value_or("(not told)") + " in " + setting.file;
    }
    return "";
}

TEST_CASE("the last setting that PostgreSQL reads is the one in force") {
    ProductionFiles files;
    files.keep("postgresql.conf", "include 'postgresql.base.conf'\nlc_time = 'C'\nWORK_MEM = 2MB\nport = 1\n");
    files.keep("postgresql.base.conf", "work_mem = 3MB\nlc_time = 'th_TH'\nautovacuum = off\n");
    files.keep("postgresql.auto.conf", "port = 2\n");
    files.keep("unused.conf", "fsync = off\n");
    files.keep("conf.d/postgresql.conf", "fsync = off\n");
    CHECK(value_of(files, "work_mem") == "2MB in postgresql.conf");
    CHECK(value_of(files, "lc_time") == "C in postgresql.conf");
    CHECK(value_of(files, "autovacuum") == "off in postgresql.base.conf");
    CHECK(value_of(files, "port") == "2 in postgresql.auto.conf");
    CHECK(value_of(files, "fsync").empty());
    CHECK(value_of(files, "include").empty());
    CHECK(read_production_settings(files).problems.empty());
}

TEST_CASE("values that may be secrets are not kept") {
    ProductionFiles files;
    files.keep("postgresql.conf", "archive_command = 'push --password=hunter2'\nanon.salt = 1234\nmyext.name = 'x'\n");
    CHECK(value_of(files, "archive_command") == "(not told) in postgresql.conf");
    CHECK(value_of(files, "anon.salt") == "(not told) in postgresql.conf");
    CHECK(value_of(files, "myext.name") == "(not told) in postgresql.conf");
}

TEST_CASE("what is not read or not understood is told, and the rest is read") {
    ProductionFiles files;
    files.keep("postgresql.conf", "work_mem = 2MB\ninclude_dir 'conf.d'\nthis is = = nothing\n");
    files.keep("postgresql.auto.conf", std::nullopt);
    CHECK(read_production_settings(files).problems ==
          Lines{"production's 'postgresql.conf' includes 'conf.d', which is not read",
                "production's 'postgresql.conf' has 1 lines that are not understood, the first is line 3",
                "production's 'postgresql.auto.conf' has more than 1 MiB: it is not read"});
    CHECK(value_of(files, "work_mem") == "2MB in postgresql.conf");
}

TEST_CASE("the marker has production's settings, or says that there was no file of them") {
    postgres::GenerationMarker marker;
    ProductionFiles files;
    files.keep("postgresql.auto.conf", "lc_time = 'C'\n");
    leave_settings_behind(files, marker);
    CHECK(marker.left == Lines{std::string(sanitize::kConfigurationNotInBackup)});
    CHECK(marker.not_carried_over ==
          std::vector<postgres::LeftSetting>{{"lc_time", "C", "postgresql.auto.conf", true}});
    files.keep("postgresql.conf", "");
    postgres::GenerationMarker other;
    leave_settings_behind(files, other);
    CHECK(other.left.empty());
}

}  // namespace
}  // namespace polygon::bootstrap
