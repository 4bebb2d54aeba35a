// The coordinator's transactions against a real etcd, and one that refuses them.
#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "tests/integration/etcd/server.h"
#include "tests/integration/rebuild/played_polygon.h"
#include "tests/support/capture.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/unit/http/test_server.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::Phase;

constexpr const char* kPaused = R"({"ttl":20,"pause":true,"loop_wait":1})";
constexpr const char* kUnpaused = R"({"ttl":20,"loop_wait":1})";

patroni::Configuration configuration_of(const std::string& url) {
    patroni::Configuration made{.scope = "polygon", .name = "polygon1"};
    made.etcd3.urls = {url};
    return made;
}

struct StoreBench {
    StoreBench() : polygon(server().url()), store(configuration_of(server().url())) {
        polygon.begin();
        lock = support::require(
            etcd::Lock::acquire({.urls = {server().url()}}, store.keys().lock(), "the test", 60s, system_clock()));
    }
    static const etcd::Server& server() {
        static const etcd::Server shared;
        return shared;
    }

    etcd::Plan plan() {
        return {.generation = "g-new",
                .leader = "polygon1",
                .system_identifier = kOldSystem,
                .mode = etcd::Mode::staged,
                .members = {"polygon1", "polygon2", "polygon3"},
                .replaced_generation = *polygon.get(store.keys().generation())};
    }
    void be_in(Phase phase) {
        polygon.put(store.keys().plan(), etcd::to_json(plan()));
        polygon.put(store.keys().phase(), etcd::to_json(etcd::PhaseRecord{.generation = "g-new", .phase = phase}));
    }
    Situation look() { return support::require(store.look()); }
    static etcd::PhaseRecord to(Phase phase) { return {.generation = "g-new", .phase = phase}; }

    PlayedPolygon polygon;
    RebuildStore store;
    std::unique_ptr<etcd::Lock> lock;
};

TEST_CASE("a polygon that was stopped is started again without the pause that somebody set") {
    StoreBench bench;
    bench.be_in(Phase::stop);
    bench.polygon.put(kPrefix + "config", kPaused);
    const Situation seen = bench.look();
    SECTION("as it was seen") {
        CHECK(bench.store.restart(*bench.lock, seen, StoreBench::to(Phase::restore))
                  .value_or(Attempt::changed_meanwhile) == Attempt::done);
        CHECK(bench.polygon.get(kPrefix + "config") == kUnpaused);
        CHECK(bench.polygon.phase() == "restore");
    }
    SECTION("not over a configuration that was written meanwhile") {
        bench.polygon.put(kPrefix + "config", R"({"pause":true,"ttl":40})");
        CHECK(bench.store.restart(*bench.lock, seen, StoreBench::to(Phase::restore)).value_or(Attempt::done) ==
              Attempt::changed_meanwhile);
        CHECK(bench.polygon.phase() == "stop");
    }
}

TEST_CASE("a word that is no order is told once, with the key and the words that are, and is not obeyed") {
    StoreBench bench;
    bench.be_in(Phase::stage);
    const std::string key = bench.store.keys().order();
    bench.polygon.put(key, "abrot");
    const std::string text = support::capture_stderr([&] {
        CHECK(bench.look().order == Order::none);
        CHECK(bench.look().order == Order::none);
    });
    const std::string warning = "the key '" + key + "' holds 'abrot', which is no order: nothing is done about it";
    CHECK_THAT(text, ContainsText(warning));
    CHECK_THAT(text, ContainsText("known=\"abort, rollback\""));
    CHECK(text.find(warning) == text.rfind(warning));
    CHECK(bench.polygon.get(key) == "abrot");
    bench.polygon.put(key, "abort");
    CHECK(bench.look().order == Order::abort);
    bench.polygon.put(key, "rollback");
    CHECK(bench.look().order == Order::rollback);
}

TEST_CASE("the keys of before are put back without their pause") {
    StoreBench bench;
    bench.be_in(Phase::undo);
    bench.polygon.put(bench.store.keys().saved("g-new", "initialize"), kOldSystem);
    bench.polygon.put(bench.store.keys().saved("g-new", "config"), kPaused);
    bench.polygon.remove(kPrefix + "leader");
    CHECK(bench.store.put_back(*bench.lock, bench.look(), StoreBench::to(Phase::restore))
              .value_or(Attempt::changed_meanwhile) == Attempt::done);
    CHECK(bench.polygon.get(kPrefix + "config") == kUnpaused);
}

TEST_CASE("a rebuild that was rolled back leaves no more behind than one that was done") {
    StoreBench bench;
    bench.be_in(Phase::restore);
    for (const char* generation : {"g-older", "g-old", "g-new"})
        bench.polygon.put(bench.store.keys().saved(generation, "initialize"), "1");
    for (int i = 0; i < 60; ++i)
        bench.polygon.put(bench.store.keys().history(fmt::format("g-a{:02}", i)), "{}");
    REQUIRE(bench.store
                .finish(*bench.lock, bench.look(), StoreBench::to(Phase::rolled_back), {.generation = "g-new"},
                        "2026-11-20T03:00:00Z")
                .value_or(Attempt::changed_meanwhile) == Attempt::done);
    CHECK_FALSE(bench.polygon.get(bench.store.keys().saved("g-older", "initialize")).has_value());
    CHECK(bench.polygon.get(bench.store.keys().saved("g-old", "initialize")).has_value());  // what it carries
    CHECK(bench.polygon.get(bench.store.keys().saved("g-new", "initialize")).has_value());
    CHECK_FALSE(bench.polygon.get(bench.store.keys().history("g-a10")).has_value());
    CHECK(bench.polygon.get(bench.store.keys().history("g-a11")).has_value());
}

TEST_CASE("an order that comes after the coordinator has looked is neither lost nor overtaken by a phase") {
    StoreBench bench;
    const Phase from = GENERATE(Phase::stage, Phase::stop, Phase::verify, Phase::undo);
    const Phase to = from == Phase::stage  ? Phase::stop
                     : from == Phase::stop ? Phase::clear
                     : from == Phase::undo ? Phase::restore
                                           : Phase::done;
    CAPTURE(etcd::to_text(from));
    bench.be_in(from);
    const Situation before = bench.look();
    const Order order = from == Phase::stage ? Order::abort : Order::rollback;
    REQUIRE(bench.store.give_order(order).has_value());
    const auto attempt = to == Phase::done ? bench.store.finish(*bench.lock, before, StoreBench::to(to),
                                                                {.generation = "g-new"}, "2026-11-20T03:00:00Z")
                                           : bench.store.enter(*bench.lock, before, StoreBench::to(to));
    CHECK(attempt.value_or(Attempt::done) == Attempt::changed_meanwhile);
    CHECK(bench.polygon.phase() == etcd::to_text(from));
    const Situation after = bench.look();
    CHECK(after.order == order);
    CHECK(bench.store.enter(*bench.lock, after, StoreBench::to(Phase::restore)).value_or(Attempt::changed_meanwhile) ==
          Attempt::done);
    CHECK_FALSE(bench.polygon.get(bench.store.keys().order()).has_value());
}

TEST_CASE("a newer order than the one that was read stays") {
    StoreBench bench;
    bench.be_in(Phase::stage);
    REQUIRE(bench.store.give_order(Order::abort).has_value());
    const Situation before = bench.look();
    REQUIRE(bench.store.give_order(Order::rollback).has_value());
    CHECK(bench.store.enter(*bench.lock, before, StoreBench::to(Phase::restore)).value_or(Attempt::done) ==
          Attempt::changed_meanwhile);
    CHECK(bench.look().order == Order::rollback);
}

TEST_CASE("an order survives the one that takes the lead to obey it") {
    StoreBench bench;
    bench.be_in(Phase::replicas);
    REQUIRE(bench.store.give_order(Order::rollback).has_value());
    REQUIRE(bench.store.resume(*bench.lock, bench.look(), StoreBench::to(Phase::replicas)).has_value());
    CHECK(bench.look().order == Order::rollback);
}

TEST_CASE("a rebuild is not begun over an order to the one before") {
    StoreBench bench;
    bench.be_in(Phase::done);
    Situation seen = bench.look();
    REQUIRE(bench.store.give_order(Order::rollback).has_value());
    SECTION("that was not seen") {}
    SECTION("that was seen") {
        seen = bench.look();
    }
    const Status begun = bench.store.begin(*bench.lock, seen, bench.plan(), StoreBench::to(Phase::stage));
    REQUIRE_FALSE(begun.has_value());
    CHECK(begun.error().code == Errc::conflict);
    CHECK(bench.look().order == Order::rollback);
}

TEST_CASE("a word that is no order does not keep a rebuild from being begun, and goes") {
    StoreBench bench;
    bench.be_in(Phase::done);
    const std::string key = bench.store.keys().order();
    bench.polygon.put(key, "rolback");
    REQUIRE(bench.store.begin(*bench.lock, bench.look(), bench.plan(), StoreBench::to(Phase::stage)).has_value());
    CHECK_FALSE(bench.polygon.get(key).has_value());
    CHECK(bench.polygon.phase() == "stage");
}

TEST_CASE("an order is withdrawn by nobody but the one who gave it, and a rollback outranks an abort") {
    StoreBench bench;
    bench.be_in(Phase::stage);
    const auto rollback = bench.store.give_order(Order::rollback);
    REQUIRE(rollback.has_value());
    const auto abort = bench.store.give_order(Order::abort);
    REQUIRE(abort.has_value());
    CHECK(bench.look().order == Order::rollback);
    REQUIRE(bench.store.withdraw_order(*abort).has_value());
    CHECK(bench.look().order == Order::rollback);
    CHECK(bench.store.keep_order(*rollback).has_value());
    REQUIRE(bench.store.withdraw_order(*rollback).has_value());
    CHECK(bench.look().order == Order::none);
}

TEST_CASE("a request whose lease has run out withdraws nobody else's") {
    StoreBench bench;
    const etcd::ProofRequest first{.id = "first", .purpose = etcd::ProofPurpose::verify};
    const etcd::ProofRequest second{.id = "second", .purpose = etcd::ProofPurpose::rehearse};
    const auto lease = bench.store.grant_lease(60s);
    REQUIRE(lease.has_value());
    REQUIRE(bench.store.ask(first, *lease).has_value());
    CHECK(bench.store.ask(second, *lease).error().code == Errc::conflict);
    REQUIRE(etcd::Client({.urls = {StoreBench::server().url()}}).revoke_lease(*lease).has_value());
    const auto another = bench.store.grant_lease(60s);
    REQUIRE(another.has_value());
    REQUIRE(bench.store.ask(second, *another).has_value());
    REQUIRE(bench.store.withdraw_request(first).has_value());
    CHECK(bench.store.ask(first, *another).error().code == Errc::conflict);
    REQUIRE(bench.store.withdraw_request(second).has_value());
    CHECK(bench.store.ask(first, *another).has_value());
    REQUIRE(bench.store.withdraw_request(first).has_value());
}

TEST_CASE("what etcd refuses for good is told in its own words, and is nothing to wait for") {
    http::TestServer server([](const http::Received& request) {
        return request.target == "/v3/kv/txn"
                   ? http::answer(429, R"({"message":"etcdserver: mvcc: database space exceeded","code":8})")
                   : http::answer(200, R"({"header":{"revision":"3"}})");
    });
    StoreBench bench;
    bench.be_in(Phase::stage);
    const Situation seen = bench.look();
    RebuildStore full(configuration_of(server.url()));
    const auto entered = full.enter(*bench.lock, seen, StoreBench::to(Phase::stop));
    REQUIRE_FALSE(entered.has_value());
    CHECK(entered.error().code == Errc::needs_person);
    CHECK_THAT(entered.error().message, ContainsText("refused kv/txn: etcdserver: mvcc: database space exceeded"));
    CHECK_THAT(entered.error().hint, ContainsText("polygon-rebuild resume"));
    const Status begun = full.begin(*bench.lock, seen, bench.plan(), StoreBench::to(Phase::stage));
    REQUIRE_FALSE(begun.has_value());
    CHECK(begun.error().code == Errc::refused);
    CHECK_THAT(begun.error().hint, ContainsText("Nothing was begun."));
}

}  // namespace
}  // namespace polygon::rebuild
