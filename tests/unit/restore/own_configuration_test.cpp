#include "bootstrap/restore/files/own_configuration.h"

#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

TEST_CASE("statistics are removed, their directories stay") {
    const support::Scratch scratch;
    std::filesystem::create_directory(scratch.path() / "pg_stat");
    REQUIRE(remove_statistics(scratch.path()).has_value());
    REQUIRE(fs::write_file_durably(scratch.path() / "pg_stat/pg_stat_statements.stat", "x").has_value());
    REQUIRE(remove_statistics(scratch.path()).has_value());
    CHECK(std::filesystem::is_empty(scratch.path() / "pg_stat"));
}

TEST_CASE("the bar is replaced by a configuration that holds nothing of production's") {
    const support::Scratch scratch;
    REQUIRE(bar_start(scratch.path()).has_value());
    CHECK_THAT(*fs::read_file(scratch.path() / "postgresql.conf"),
               ContainsText("polygon-bootstrap has not finished here\n"));
    REQUIRE(write_own_configuration(scratch.path()).has_value());
    CHECK_THAT(*fs::read_file(scratch.path() / "postgresql.conf"),
               ContainsText("rules.\nwal_retrieve_retry_interval = '500ms'\n"));
    CHECK(fs::read_file(scratch.path() / "postgresql.auto.conf")->empty());
    CHECK(fs::read_file(scratch.path() / "pg_hba.conf")->find("trust") == std::string::npos);
    for (const auto& entry : std::filesystem::directory_iterator(scratch.path()))
        CHECK(is_own_configuration(entry.path().filename().string()));
}

}  // namespace
}  // namespace polygon::bootstrap
