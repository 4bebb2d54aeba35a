#include "common/etcd/rebuild_keys.h"

#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

TEST_CASE("our keys stand beside the cluster's, never beneath its prefix") {
    const RebuildKeys keys("/service/main/");
    CHECK(keys.plan() == "/service/main.polygon/plan");
    CHECK(keys.generation() == "/service/main.polygon/generation");
    CHECK(keys.saved("g1", "members/a") == "/service/main.polygon/saved/g1/members/a");
    CHECK_FALSE(keys.prefix().starts_with("/service/main/"));
}

TEST_CASE("plan and generation come back as they were written") {
    const auto plan = parse_plan(to_json(Plan{"g1", "polygon\"1", "2026-11-20T03:00:00Z", "7423"}));
    REQUIRE(plan.has_value());
    CHECK(plan->generation == "g1");
    CHECK(plan->leader == "polygon\"1");
    CHECK(plan->system_identifier == "7423");
    const auto generation = parse_generation(to_json(Generation{"g1", "a", "7423", "2026-11-20T03:00:00Z"}));
    REQUIRE(generation.has_value());
    CHECK(generation->proven_at == "2026-11-20T03:00:00Z");
}

TEST_CASE("a key that holds something else is an error that names it") {
    for (const char* text : {"", "{", "[]", "{\"generation\":1}", "{\"generation\":\"g\"}"}) {
        const auto plan = parse_plan(text);
        REQUIRE_FALSE(plan.has_value());
        CHECK(plan.error().code == Errc::conflict);
        CHECK_THAT(plan.error().message, ContainsText("the value of key 'plan' cannot be understood"));
        CHECK(plan.error().hint == "Run polygon-rebuild reset to write it anew.");
    }
}

TEST_CASE("generations sort by their time") {
    CHECK(make_generation_name("2026-11-20T03:00:00Z", 0x17f3a) == "20261120T030000Z-7f3a");
    CHECK(make_generation_name("2026-11-20T03:00:00Z", 0xffff) < make_generation_name("2026-11-20T03:00:01Z", 0));
}

}  // namespace
}  // namespace polygon::etcd
