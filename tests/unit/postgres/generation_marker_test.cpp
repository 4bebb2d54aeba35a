#include "common/postgres/generation_marker.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

TEST_CASE("a marker comes back as it was written, with identifiers that fit no double") {
    const support::Scratch scratch;
    const GenerationMarker marker{.generation = "20261120T030000Z-7f3a",
                                  .stage = Stage::proven,
                                  .leader = "polygon1",
                                  .backup_label = "one",
                                  .backup_time = "2026-11-20 03:00:00 GMT",
                                  .backup_end_lsn = "0/3000100",
                                  .created_at = "2026-11-20T03:10:00Z",
                                  .source_system_identifier = 18446744073709551615ULL,
                                  .system_identifier = 9007199254740993ULL,
                                  .locked_roles = {"a\"b"},
                                  .production_verifiers = {"00ff"},
                                  .collations = {"database thai: its default collation …"},
                                  .isolation = "socket filter",
                                  .sql = {"10-customers.sql in thai"},
                                  .old_rows = {"table public.t of database thai"},
                                  .unrefreshed = {"materialized view public.v of database thai"},
                                  .left = {"database thai: foreign server 'partner'"},
                                  .not_carried_over = {{.name = "lc_time", .value = "th_TH", .file = "postgresql.conf"},
                                                       {.name = "archive_command", .file = "postgresql.auto.conf"}},
                                  .phase_seconds = {{"restore", 1.5}}};
    REQUIRE(write_marker(scratch.path(), marker).has_value());
    const auto read = read_marker(scratch.path());
    REQUIRE(read.has_value());
    REQUIRE(read->has_value());
    CHECK(to_json(**read) == to_json(marker));
    CHECK((*read)->source_system_identifier == 18446744073709551615ULL);
    CHECK((*read)->stage == Stage::proven);
    CHECK((*read)->collations == marker.collations);
    CHECK((*read)->old_rows == marker.old_rows);
    CHECK((*read)->unrefreshed == marker.unrefreshed);
    CHECK((*read)->not_carried_over == marker.not_carried_over);
}

TEST_CASE("a marker from before collations were compared is read") {
    std::string text = to_json({.generation = "g"});
    const std::string line = "  \"collations\": [],\n";
    REQUIRE(text.find(line) != std::string::npos);
    text.erase(text.find(line), line.size());
    CHECK(marker_from_json(text, "test")->generation == "g");
}

TEST_CASE("no marker is no error, an unreadable one is, and so is an unknown stage") {
    const support::Scratch scratch;
    CHECK_FALSE(read_marker(scratch.path())->has_value());
    std::ofstream(scratch.path() / "polygon.json") << "{\"generation\": 1";
    CHECK(read_marker(scratch.path()).error().code == Errc::data_directory_invalid);
    std::string text = to_json({.generation = "g"});
    text.replace(text.find("restoring"), 9, "something");
    CHECK(marker_from_json(text, "test").error().message == "'test' cannot be understood: unknown stage 'something'");
}

}  // namespace
}  // namespace polygon::postgres
