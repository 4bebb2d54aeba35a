#include <algorithm>

#include "tests/integration/rebuild/bench.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;
using etcd::Mode;
using etcd::Phase;

TEST_CASE("a rebuild goes from stage to done, and keeps what it deleted") {
    Bench bench;
    bench.polygon.put("/service/polygon.polygon/saved/g-older/initialize", "1");
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::done);
    bench.check_rebuilt();
    CHECK(bench.person.phases == std::vector<std::string>{"stage", "stop", "clear", "bootstrap", "replicas", "verify"});
    auto keys = bench.polygon.keys();
    CHECK(keys.at(bench.store.keys().saved("g-new", "initialize")) == kOldSystem);
    CHECK(keys.at(bench.store.keys().saved("g-new", "history")) == "[[1,2]]");
    CHECK_FALSE(keys.contains("/service/polygon.polygon/saved/g-older/initialize"));
    CHECK(ending->view.phase.seconds.contains("bootstrap"));
    CHECK_FALSE(keys.contains(bench.store.keys().lock()));
}

TEST_CASE("in place, and with replicas that copy the staged clone, it goes through as well") {
    Bench bench;
    CHECK(bench.coordinate(bench.plan(Mode::in_place))->kind == Ending::Kind::done);
    bench.check_rebuilt();
    Bench copied;
    copied.polygon.fail_in("polygon3", Phase::copy);
    CHECK(copied.coordinate(copied.plan(Mode::staged, etcd::ReplicaSource::staged))->kind == Ending::Kind::done);
    CHECK(copied.person.phases.at(1) == "copy");
    copied.check_rebuilt();
}

TEST_CASE("whatever fails before the end, the old polygon is back, keys and all") {
    for (const Phase phase : {Phase::stage, Phase::stop, Phase::bootstrap, Phase::replicas, Phase::verify}) {
        for (const char* member : {"polygon1", "polygon3"}) {
            INFO(etcd::to_text(phase) << " on " << member);
            Bench bench;
            bench.polygon.fail_in(member, phase);
            const auto ending = bench.coordinate(bench.plan());
            REQUIRE(ending.has_value());
            if (phase == Phase::verify && ending->kind == Ending::Kind::done) continue;  // it had been verified before
            CHECK(ending->kind == Ending::Kind::rolled_back);
            CHECK_THAT(ending->view.phase.error, ContainsText(std::string(member) + ": as was wanted"));
            CHECK(bench.history_outcome() == "rolled back");
            bench.check_as_before();
        }
    }
}

TEST_CASE("a polygon that does not pass its verification is put back") {
    Bench bench;
    bench.polygon.find_wrong("still in recovery");
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK_THAT(ending->view.phase.error, ContainsText("still in recovery"));
    bench.check_as_before();
}

TEST_CASE("killed between any two rounds, the rebuild is resumed to the same end") {
    int killed = 0;
    for (int round = 1; round < 40; ++round) {
        INFO("killed after round " << round);
        Bench bench;
        bench.person.dies_after = round;
        auto held = bench.plan();
        try {
            const auto ending = bench.coordinate(std::move(held));
            REQUIRE(ending.has_value());
            break;
        } catch (const Killed&) {
            ++killed;
        }
        bench.person.dies_after = 0;
        const auto ending = bench.resume();
        REQUIRE(ending.has_value());
        CHECK(ending->kind == Ending::Kind::done);
        bench.check_rebuilt();
    }
    CHECK(killed >= 8);
}

TEST_CASE("killed between any two rounds of the way back, it still leads back") {
    int killed = 0;
    for (int round = 1; round < 60; ++round) {
        INFO("killed after round " << round);
        Bench bench;
        bench.polygon.fail_in("polygon3", Phase::replicas);
        bench.person.dies_after = round;
        auto held = bench.plan();
        try {
            const auto ending = bench.coordinate(std::move(held));
            REQUIRE(ending.has_value());
            break;
        } catch (const Killed&) {
            ++killed;
        }
        bench.person.dies_after = 0;
        auto again = bench.lock();
        const auto ending = bench.coordinate(std::move(again), Order::rollback);
        REQUIRE(ending.has_value());
        CHECK(ending->kind == Ending::Kind::rolled_back);
        bench.check_as_before();
    }
    CHECK(killed >= 10);
}

TEST_CASE("a rebuild in place that fails is stuck, and resumed with another attempt") {
    Bench bench;
    bench.polygon.fail_in("polygon1", Phase::bootstrap);
    const auto stuck = bench.coordinate(bench.plan(Mode::in_place));
    REQUIRE_FALSE(stuck.has_value());
    CHECK(stuck.error().code == Errc::needs_person);
    CHECK(stuck.error().message ==
          "the rebuild 'g-new' is stuck in phase bootstrap: phase bootstrap failed on polygon1: as was wanted");
    CHECK(bench.polygon.phase() == "bootstrap");
    const auto ending = bench.resume();
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::done);
    CHECK(ending->view.phase.attempt == 2);
    CHECK(ending->view.phase.error.empty());
    bench.check_rebuilt();
}

TEST_CASE("an agent that is gone ends the patience: back, and there a person is needed until it returns") {
    Bench bench;
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && view->phase.phase == Phase::replicas) bench.polygon.lose("polygon3");
    };
    const auto stuck = bench.coordinate(bench.plan());
    REQUIRE_FALSE(stuck.has_value());
    CHECK(stuck.error().code == Errc::needs_person);
    CHECK_THAT(stuck.error().message, ContainsText("stuck in phase undo"));
    CHECK_THAT(stuck.error().message, ContainsText("no agent answers for polygon3"));
    CHECK_THAT(etcd::parse_phase(*bench.polygon.get(bench.store.keys().phase()))->error,
               ContainsText("nothing moved in phase replicas"));
    CHECK(bench.polygon.get(kPrefix + "initialize") == kNewSystem);
}

TEST_CASE("a foreign member before the keys are cleared keeps them") {
    Bench bench;
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && view->phase.phase == Phase::stop)
            bench.polygon.put(kPrefix + "members/stranger", R"({"state":"running"})");
        else if (view != nullptr && view->phase.phase == Phase::restore)
            bench.polygon.remove(kPrefix + "members/stranger");
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK_THAT(ending->view.phase.error, ContainsText("'stranger'"));
    bench.check_as_before();
}

TEST_CASE("the clearing does not happen when a key of the cluster is written after it was read") {
    Bench bench;
    auto held = bench.plan();
    Situation seen = *bench.store.look();
    etcd::PhaseRecord next = *seen.phase.value;
    next.phase = Phase::clear;
    REQUIRE(bench.store.enter(*held, seen, next).value_or(Attempt::changed_meanwhile) == Attempt::done);
    bench.polygon.remove(kPrefix + "leader");
    seen = *bench.store.look();
    next.phase = Phase::bootstrap;
    SECTION("a member's") {
        bench.polygon.put(kPrefix + "members/polygon3", "{}");
    }
    SECTION("the leader's") {
        bench.polygon.put(kPrefix + "leader", "polygon3");
    }
    SECTION("initialize") {
        bench.polygon.put(kPrefix + "initialize", "999");
    }
    SECTION("an agent's record") {
        bench.polygon.put(bench.store.keys().node("polygon3"), "{}");
    }
    SECTION("an agent's record that is gone") {
        bench.polygon.lose("polygon3");
    }
    const auto before = bench.polygon.keys();
    const auto attempt = bench.store.clear(*held, seen, next);
    REQUIRE(attempt.has_value());
    CHECK(*attempt == Attempt::changed_meanwhile);
    CHECK(bench.polygon.keys() == before);
}

TEST_CASE("orders of another program are obeyed and gone with it") {
    Bench bench;
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && view->phase.phase == Phase::stage)
            static_cast<void>(bench.store.give_order(Order::abort));
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK(bench.history_outcome() == "aborted");
    CHECK_FALSE(bench.polygon.get(bench.store.keys().order()).has_value());
    bench.check_as_before();
}

TEST_CASE("an order that comes between a look and the transaction that follows from it is obeyed next") {
    Bench bench;
    const Phase phase = GENERATE(Phase::stage, Phase::stop, Phase::bootstrap, Phase::replicas, Phase::verify);
    CAPTURE(etcd::to_text(phase));
    const Order order = phase == Phase::stage ? Order::abort : Order::rollback;
    bool is_given = false;
    bench.person.on_show = [&](const View& view, const std::string& waiting_for) {
        const bool is_about_to_act = waiting_for.empty() && (phase != Phase::verify || view.certified);
        if (is_given || view.phase.phase != phase || !is_about_to_act) return;
        is_given = bench.store.give_order(order).has_value();
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE(ending.has_value());
    CHECK(is_given);
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK(ending->view.phase.error == (order == Order::abort ? kAborted : kRolledBackOnRequest));
    const auto& phases = bench.person.phases;
    const bool was_stopped = std::find(phases.begin(), phases.end(), "stop") != phases.end();
    CHECK(was_stopped == (phase != Phase::stage));  // an abort costs no outage
    bench.check_as_before();
}

TEST_CASE("after the end it can be rolled back while the nodes keep the old data") {
    Bench bench;
    bench.polygon.keep_previous();
    REQUIRE(bench.coordinate(bench.plan())->kind == Ending::Kind::done);
    bench.polygon.step();
    const auto ending = bench.coordinate(bench.lock(), Order::rollback);
    REQUIRE(ending.has_value());
    CHECK(ending->kind == Ending::Kind::rolled_back);
    CHECK(ending->view.phase.error == kRolledBackOnRequest);
    bench.check_as_before();
}

TEST_CASE("a coordinator whose lock another one has taken ends with a conflict and writes nothing") {
    Bench bench;
    std::unique_ptr<etcd::Lock> other;
    std::map<std::string, std::string> before;
    bench.person.before_step = [&](const View* view) {
        if (view == nullptr || view->phase.phase != Phase::stop || other) return;
        bench.polygon.remove(bench.store.keys().lock());  // as if its lease had ended
        other = bench.lock();
        bench.polygon.step();
        bench.person.agents_work = false;
        before = bench.polygon.keys();
    };
    const auto ending = bench.coordinate(bench.plan());
    REQUIRE_FALSE(ending.has_value());
    CHECK(ending.error().code == Errc::conflict);
    CHECK_THAT(ending.error().message, ContainsText("another coordinator"));
    CHECK(bench.polygon.keys() == before);
}

TEST_CASE("detached, the rebuild stays where it was and is resumed") {
    Bench bench;
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && view->phase.phase == Phase::replicas)
            bench.person.wish = Operator::Wish{.kind = Operator::Wish::Kind::detach, .signal = 15};
    };
    const auto detached = bench.coordinate(bench.plan());
    REQUIRE(detached.has_value());
    CHECK(detached->kind == Ending::Kind::detached);
    CHECK(detached->signal == 15);
    bench.person.before_step = {};
    bench.person.wish.reset();
    CHECK(bench.resume()->kind == Ending::Kind::done);
    bench.check_rebuilt();
}

TEST_CASE("an etcd that was away for longer than the lock lives is waited for, and the lock taken again") {
    etcd::Server apart;
    patroni::Configuration configuration = Bench::configuration();
    configuration.etcd3.urls = {apart.url()};
    support::FakeClock clock;
    PlayedPolygon polygon(apart.url());
    polygon.begin();
    RebuildStore store(configuration);
    const etcd::Lock* lock = nullptr;  // the last that was taken: a busy machine may lose one before
    const auto take = [&] {
        auto taken = etcd::Lock::acquire({.urls = {apart.url()}}, store.keys().lock(), "the test", 3s, system_clock());
        if (taken) lock = taken->get();
        return taken;
    };
    auto held = take();
    REQUIRE(held.has_value());
    const etcd::Plan plan{.generation = "g-new",
                          .leader = "polygon1",
                          .system_identifier = kOldSystem,
                          .mode = Mode::staged,
                          .members = {"polygon1", "polygon2", "polygon3"}};
    REQUIRE(store.begin(**held, *store.look(), plan, first_phase("g-new", clock.wall())).has_value());
    Between person(polygon, clock);
    bool was_away = false;
    person.before_step = [&](const View* view) {
        if (was_away || view == nullptr || view->phase.phase != Phase::stop) return;
        was_away = true;
        apart.stop();
        CHECK(wait_until(system_clock(), Deadline(system_clock(), 60s), 50ms, [&] { return !lock->is_held(); }));
        apart.start();
    };
    Coordinator coordinator({.store = store, .operator_ = person, .clock = clock, .take_lock = take, .on_phase = [] {}},
                            *std::move(held), 100000s, Order::none);
    const auto ending = coordinator.run();
    REQUIRE(ending.has_value());
    CHECK(was_away);
    CHECK(ending->kind == Ending::Kind::done);
    CHECK(polygon.phase() == "done");
}

TEST_CASE("an etcd that does not answer is waited for until the patience ends") {
    etcd::Server apart;
    patroni::Configuration configuration = Bench::configuration();
    configuration.etcd3.urls = {apart.url()};
    Bench bench;
    PlayedPolygon polygon(apart.url());
    polygon.begin();
    RebuildStore store(configuration);
    auto held = etcd::Lock::acquire({.urls = {apart.url()}}, store.keys().lock(), "the test", 600s, system_clock());
    REQUIRE(held.has_value());
    const Situation seen = *store.look();
    const etcd::Plan plan{
        .generation = "g-new", .system_identifier = kOldSystem, .mode = Mode::staged, .members = {"polygon1"}};
    REQUIRE(store.begin(**held, seen, plan, first_phase("g-new", bench.clock.wall())).has_value());
    bench.person.agents_work = false;
    int silent = 0;
    bench.person.before_step = [&](const View* view) {
        if (view != nullptr && silent++ == 0) apart.stop();
        bench.clock.advance(20s);
    };
    Coordinator coordinator({.store = store,
                             .operator_ = bench.person,
                             .clock = bench.clock,
                             .take_lock = [&] { return bench.take_lock(); },
                             .on_phase = [] {}},
                            *std::move(held), 300s, Order::none);
    const auto ending = coordinator.run();
    REQUIRE_FALSE(ending.has_value());
    CHECK(ending.error().code == Errc::etcd_unavailable);
    CHECK_THAT(ending.error().message, ContainsText("etcd has not answered for 300 s"));
    CHECK_THAT(ending.error().hint, ContainsText("polygon-rebuild resume"));
    CHECK(silent > 10);
}

}  // namespace
}  // namespace polygon::rebuild
