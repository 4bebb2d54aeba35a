#include "common/etcd/rebuild_keys.h"

#include <chrono>

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

TEST_CASE("generations sort by their time") {
    using namespace std::chrono;
    const system_clock::time_point moment(sys_days(2026y / 11 / 20) + 3h);
    const std::string name = make_generation_name(moment);
    CHECK(name.starts_with("20261120T030000Z-"));
    CHECK(name.size() == std::string("20261120T030000Z-7f3a").size());
    CHECK(name != make_generation_name(moment + 10us));
    CHECK(name < make_generation_name(moment + 1s));
}

TEST_CASE("what agents obey has a prefix of its own") {
    const RebuildKeys keys("/service/main/");
    for (const std::string& key : {keys.plan(), keys.phase(), keys.preflight()})
        CHECK(key.starts_with(keys.orders()));
    for (const std::string& key : {keys.node("a"), keys.lock(), keys.order(), keys.generation(), keys.certificate(),
                                   keys.history("g"), keys.saved("g", "plan")})
        CHECK_FALSE(key.starts_with(keys.orders()));
}

}  // namespace
}  // namespace polygon::etcd
