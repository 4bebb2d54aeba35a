#include "bootstrap/rebuild/coordinator/metrics.h"

#include "common/base/clock.h"
#include "common/fs/file.h"
#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::rebuild {
namespace {

const etcd::Generation kProven{.generation = "g2",
                               .leader = "polygon1",
                               .system_identifier = "200",
                               .proven_at = "2026-11-20T03:00:00Z",
                               .backup_label = "monday \"night\"\\\n",
                               .backup_time = "2026-11-20 02:00:00 GMT"};

Measured after_a_rebuild() {
    return {.scope = "polygon",
            .proven = kProven,
            .history = {{.generation = "g1", .outcome = "rolled back", .ended_at = "2026-11-19T03:00:00Z"},
                        {.generation = "g2",
                         .outcome = "done",
                         .ended_at = "2026-11-20T03:00:00Z",
                         .bytes = 123'456'789'012,
                         .seconds = {{"stage", 61.5}, {"stop", 2}}}},
            .active = {},
            .now = *parse_utc("2026-11-20T03:00:10Z")};
}

TEST_CASE("metrics have help, type and escaped labels") {
    CHECK(to_metrics(after_a_rebuild()) ==
          R"(# HELP polygon_data_age_seconds Age of production's backup that the polygon carries, as of this file.
# TYPE polygon_data_age_seconds gauge
polygon_data_age_seconds{scope="polygon",generation="g2",backup="monday \"night\"\\\n"} 3610
# HELP polygon_data_timestamp_seconds When production's backup that the polygon carries was taken.
# TYPE polygon_data_timestamp_seconds gauge
polygon_data_timestamp_seconds{scope="polygon",generation="g2",backup="monday \"night\"\\\n"} 1795140000
# HELP polygon_last_rebuild_success 1 if the last rebuild that ended went well.
# TYPE polygon_last_rebuild_success gauge
polygon_last_rebuild_success{scope="polygon",generation="g2",outcome="done"} 1
# HELP polygon_last_rebuild_timestamp_seconds When the last rebuild ended.
# TYPE polygon_last_rebuild_timestamp_seconds gauge
polygon_last_rebuild_timestamp_seconds{scope="polygon"} 1795143600
# HELP polygon_rebuild_phase_seconds How long each phase of the latest rebuild took.
# TYPE polygon_rebuild_phase_seconds gauge
polygon_rebuild_phase_seconds{scope="polygon",phase="stage"} 61.5
polygon_rebuild_phase_seconds{scope="polygon",phase="stop"} 2
# HELP polygon_rebuild_bytes Size of the latest rebuild's backup.
# TYPE polygon_rebuild_bytes gauge
polygon_rebuild_bytes{scope="polygon"} 123456789012
# HELP polygon_rebuild_in_progress 1 while a rebuild is under way or stuck.
# TYPE polygon_rebuild_in_progress gauge
polygon_rebuild_in_progress{scope="polygon"} 0
)");
}

TEST_CASE("a rebuild that is under way says so, with its own phases; one that was rolled back is no success") {
    Measured measured = after_a_rebuild();
    measured.history.pop_back();
    measured.active = etcd::PhaseRecord{.generation = "g3", .seconds = {{"stage", 5}}};
    measured.bytes = 7;
    const std::string text = to_metrics(measured);
    CHECK_THAT(text, ContainsText("polygon_rebuild_in_progress{scope=\"polygon\"} 1\n"));
    CHECK_THAT(text, ContainsText("phase=\"stage\"} 5\n"));
    CHECK_THAT(text, ContainsText("polygon_rebuild_bytes{scope=\"polygon\"} 7\n"));
    CHECK_THAT(text, ContainsText("outcome=\"rolled back\"} 0\n"));
}

TEST_CASE("of a polygon that was never rebuilt there is little to say") {
    const std::string text = to_metrics({.scope = "polygon", .proven = {}, .history = {}, .active = {}, .now = {}});
    CHECK(text ==
          "# HELP polygon_rebuild_in_progress 1 while a rebuild is under way or stuck.\n"
          "# TYPE polygon_rebuild_in_progress gauge\npolygon_rebuild_in_progress{scope=\"polygon\"} 0\n");
}

TEST_CASE("the file is replaced as a whole, and readable by all") {
    const support::Scratch scratch;
    const auto path = scratch.path() / "polygon.prom";
    REQUIRE(write_metrics(path, after_a_rebuild()).has_value());
    CHECK(fs::read_file(path).value_or("") == to_metrics(after_a_rebuild()));
    CHECK((std::filesystem::status(path).permissions() & std::filesystem::perms::others_read) !=
          std::filesystem::perms::none);
    CHECK_FALSE(write_metrics(scratch.path() / "nowhere" / "file", after_a_rebuild()).has_value());
}

}  // namespace
}  // namespace polygon::rebuild
