// What meets a coordinator at the wrong moment.
#include <csignal>

#include "tests/integration/rebuild/bench.h"
#include "tests/unit/http/test_server.h"

namespace polygon::rebuild {
namespace {

using etcd::Phase;

TEST_CASE("a signal that meets the stop detaches, and the rebuild is resumed to its end") {
    Bench bench;
    bool was_sent = false;
    bench.person.before_step = [&](const View* view) {
        if (was_sent || view == nullptr || bench.polygon.phase() != "stop") return;
        was_sent = true;
        CHECK(view->phase.phase == Phase::stop);  // what was entered is what a signal goes by
        bench.person.wish = Operator::Wish{.kind = Operator::Wish::Kind::detach, .signal = SIGTERM};
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::detached);
    CHECK(ending->signal == SIGTERM);
    bench.person.before_step = {};
    CHECK(bench.resume()->kind == Ending::Kind::done);
    bench.check_rebuilt();
}

TEST_CASE("an abort by a signal that came too late is no order that is swallowed: it detaches") {
    Bench bench;
    auto held = bench.plan();
    bench.person.before_step = [&](const View* view) {
        if (view == nullptr || view->phase.phase != Phase::stage) return;
        const Situation seen = *bench.store.look();
        if (seen.phase.value->phase != Phase::stage) return;
        // As when the stop was written and etcd's answer to that got lost.
        etcd::PhaseRecord stop = *seen.phase.value;
        stop.phase = Phase::stop;
        bench.polygon.put(bench.store.keys().phase(), etcd::to_json(stop));
        bench.person.wish = Operator::Wish{.kind = Operator::Wish::Kind::go_back, .signal = SIGTERM};
    };
    const auto ending = bench.coordinate(std::move(held));
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::detached);
    CHECK(ending->signal == SIGTERM);
    CHECK(bench.polygon.phase() == "stop");
}

TEST_CASE("a polygon that was paused after its stop comes back without the pause") {
    Bench bench;
    bench.polygon.fail_in("polygon3", Phase::stop);
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && view->phase.phase == Phase::stop)
            bench.polygon.put(kPrefix + "config", R"({"ttl":20,"loop_wait":1,"pause":true})");
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK(bench.polygon.get(kPrefix + "config") == R"({"ttl":20,"loop_wait":1})");
    bench.check_as_before();
}

TEST_CASE("a polygon that is paused while its clone is made is never stopped") {
    Bench bench;
    bench.polygon.put(kPrefix + "config", R"({"pause":true})");
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK_THAT(ending->view.phase.error, ContainsText("the cluster was paused"));
    CHECK(bench.person.phases == std::vector<std::string>{"stage", "restore"});
    bench.check_as_before();
}

TEST_CASE("an etcd that is read but does not write is waited for until the patience ends, not for ever") {
    Bench bench;
    auto held = bench.plan();
    // The lock is of the real one; what is read is what it holds, and every transaction times out.
    const auto ranges = [&](const http::Received& request) {
        if (request.target != "/v3/kv/range")
            return http::answer(503, R"({"message":"etcdserver: request timed out","code":14})");
        http::Client relay;
        http::Request asked{
            .method = http::Method::post, .url = Bench::server().url() + "/v3/kv/range", .body = request.body};
        asked.headers.emplace_back("Content-Type", "application/json");
        const auto answered = relay.send(asked);
        return answered ? http::answer(200, answered->body) : http::answer(503, "{}");
    };
    http::TestServer deaf(ranges);
    patroni::Configuration configuration = Bench::configuration();
    configuration.etcd3.urls = {deaf.url()};
    RebuildStore store(configuration);
    Coordinator coordinator({.store = store,
                             .operator_ = bench.person,
                             .clock = bench.clock,
                             .take_lock = [&] { return bench.take_lock(); },
                             .on_phase = [] {}},
                            std::move(held), 30s, Order::none);
    const auto ending = coordinator.run();
    REQUIRE_FALSE(ending.has_value());
    CHECK(ending.error().code == Errc::etcd_unavailable);
    CHECK_THAT(ending.error().message, ContainsText("etcd has not answered for 30 s"));
    CHECK(bench.polygon.phase() == "stage");
}

}  // namespace
}  // namespace polygon::rebuild
