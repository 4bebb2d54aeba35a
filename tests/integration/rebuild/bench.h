// A coordinator at work on a polygon that is played, between etcd's real keys and time that the test makes.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "bootstrap/rebuild/coordinator/coordinator.h"
#include "bootstrap/rebuild/coordinator/records.h"
#include "tests/integration/etcd/server.h"
#include "tests/integration/rebuild/played_polygon.h"
#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"

namespace polygon::rebuild {

using namespace std::chrono_literals;

struct Killed : std::runtime_error {
    Killed() : std::runtime_error("the coordinator was killed") {}
};

// Between two rounds the agents do their step, and time goes on.
class Between final : public Operator {
  public:
    Between(PlayedPolygon& polygon, support::FakeClock& clock) : polygon_(polygon), clock_(clock) {}

    // Called after the coordinator's look, before what it does by it.
    void show(const View& view, std::chrono::seconds, const std::string& waiting_for) override {
        if (on_show) on_show(view, waiting_for);
        const std::string phase(etcd::to_text(view.phase.phase));
        if (phases.empty() || phases.back() != phase) phases.push_back(phase);
    }
    std::optional<Wish> wait(std::chrono::milliseconds, const View* view) override {
        clock_.advance(1s);
        ++rounds;
        if (rounds == dies_after) throw Killed();
        if (before_step) before_step(view);
        if (agents_work) polygon_.step();
        return std::exchange(wish, std::nullopt);
    }

    std::vector<std::string> phases;
    std::function<void(const View*)> before_step;
    std::function<void(const View&, const std::string& waiting_for)> on_show;
    std::optional<Wish> wish;
    int rounds = 0;
    int dies_after = 0;
    bool agents_work = true;

  private:
    PlayedPolygon& polygon_;
    support::FakeClock& clock_;
};

// One etcd for all; each test begins the polygon anew.
struct Bench {
    Bench() : polygon(server().url()), person(polygon, clock), store(configuration()) {
        polygon.begin();
        polygon.step();
    }

    static const etcd::Server& server() {
        static const etcd::Server shared;
        return shared;
    }
    static const patroni::Configuration& configuration() {
        static const patroni::Configuration shared = [] {
            patroni::Configuration made{.scope = "polygon", .name = "polygon1"};
            made.etcd3.urls = {server().url()};
            return made;
        }();
        return shared;
    }

    Result<std::unique_ptr<etcd::Lock>> take_lock() {
        return etcd::Lock::acquire({.urls = {server().url()}}, store.keys().lock(), "the test", 10s, system_clock());
    }
    std::unique_ptr<etcd::Lock> lock() {
        auto taken = take_lock();
        if (!taken) throw std::runtime_error(taken.error().message);
        return *std::move(taken);
    }

    // What `run` does before its loop.
    std::unique_ptr<etcd::Lock> plan(etcd::Mode mode = etcd::Mode::staged,
                                     etcd::ReplicaSource replicas = etcd::ReplicaSource::leader) {
        auto held = lock();
        const Situation seen = *store.look();
        const etcd::Plan planned{.generation = "g-new",
                                 .leader = "polygon1",
                                 .requested_at = format_utc(clock.wall()),
                                 .system_identifier = kOldSystem,
                                 .mode = mode,
                                 .members = {"polygon1", "polygon2", "polygon3"},
                                 .replicas = replicas,
                                 .replaced_generation = seen.generation.text};
        const Status begun = store.begin(*held, seen, planned, first_phase("g-new", clock.wall()));
        if (!begun) throw std::runtime_error(begun.error().message);
        return held;
    }

    Result<Ending> coordinate(std::unique_ptr<etcd::Lock> held, Order order = Order::none) {
        Coordinator coordinator({.store = store,
                                 .operator_ = person,
                                 .clock = clock,
                                 .take_lock = [this] { return take_lock(); },
                                 .on_phase = [] {}},
                                std::move(held), 300s, order);
        return coordinator.run();
    }

    // What `resume` does.
    Result<Ending> resume() {
        auto held = lock();
        const Situation seen = *store.look();
        if (const Status entered = store.resume(*held, seen, resumed_phase(make_view(seen))); !entered)
            return entered.error();
        return coordinate(std::move(held));
    }

    std::string history_outcome() {
        const auto text = polygon.get(store.keys().history("g-new"));
        return text ? etcd::parse_history(*text)->outcome : "none";
    }

    void check_rebuilt() {
        auto keys = polygon.keys();
        CHECK(keys.at(kPrefix + "initialize") == kNewSystem);
        CHECK(keys.at(kPrefix + "leader") == "polygon1");
        CHECK(keys.at(kPrefix + "config") == R"({"ttl":20,"loop_wait":1})");
        CHECK_FALSE(keys.contains(kPrefix + "history"));
        CHECK(polygon.phase() == "done");
        CHECK(history_outcome() == "done");
        const auto generation = etcd::parse_generation(keys.at(store.keys().generation()));
        CHECK(generation->generation == "g-new");
        CHECK_FALSE(generation->verified_at.empty());
        const auto certificate = sanitize::parse_certificate(keys.at(store.keys().certificate()));
        CHECK(certificate->marker.generation == "g-new");
        CHECK(sanitize::require_all(certificate->checks).has_value());
    }

    void check_as_before() {
        auto keys = polygon.keys();
        CHECK(keys.at(kPrefix + "initialize") == kOldSystem);
        CHECK(keys.at(kPrefix + "history") == "[[1,2]]");
        CHECK(keys.at(kPrefix + "leader") == "polygon2");
        CHECK(etcd::parse_generation(keys.at(store.keys().generation()))->generation == "g-old");
        CHECK(polygon.phase() == "rolled-back");
    }

    support::FakeClock clock;
    PlayedPolygon polygon;
    Between person;
    RebuildStore store;
};

}  // namespace polygon::rebuild
