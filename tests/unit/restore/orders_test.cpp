#include "bootstrap/restore/orders.h"

#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

using etcd::Mode;
using etcd::Phase;

constexpr Phase kPhases[] = {Phase::stage,     Phase::copy,     Phase::stop,       Phase::clear,
                             Phase::bootstrap, Phase::replicas, Phase::verify,     Phase::done,
                             Phase::undo,      Phase::restore,  Phase::rolled_back};

Orders orders(Mode mode, Phase phase) {
    return {.plan = etcd::Plan{.generation = "g2", .leader = "a", .mode = mode, .members = {"a", "b"}},
            .phase = etcd::PhaseRecord{.generation = "g2", .phase = phase}};
}

Orders reset() {
    return {.plan = etcd::Plan{.generation = "g2", .leader = "a"}};
}

TEST_CASE("a staged clone is adopted by the planned leader, in phase bootstrap and in no other") {
    for (const Phase phase : kPhases) {
        INFO(etcd::to_text(phase));
        const auto way = choose_way(orders(Mode::staged, phase), "a");
        if (etcd::is_terminal(phase)) {
            CHECK(way.value() == BootstrapWay::restore);
        } else if (phase == Phase::bootstrap) {
            CHECK(way.value() == BootstrapWay::adopt_staged);
        } else {
            REQUIRE_FALSE(way.has_value());
            CHECK(way.error().code == Errc::conflict);
        }
    }
    for (const char* member : {"b", "c"})
        CHECK(choose_way(orders(Mode::staged, Phase::bootstrap), member).error().code == Errc::conflict);
    CHECK(choose_way({}, "a").value() == BootstrapWay::restore);
    CHECK(choose_way(reset(), "b").value() == BootstrapWay::restore);
}

TEST_CASE("a staged clone of which the phase is of another generation is nobody's") {
    Orders other = orders(Mode::staged, Phase::bootstrap);
    other.phase->generation = "g1";
    CHECK(choose_way(other, "a").value() == BootstrapWay::restore);
    CHECK_FALSE(plan_to_restore(other, "b").value().has_value());
}

TEST_CASE("a rebuild in place is restored by its leader in phase bootstrap, a staged one by nobody") {
    for (const Phase phase : kPhases) {
        INFO(etcd::to_text(phase));
        const auto in_place = plan_to_restore(orders(Mode::in_place, phase), "a");
        const auto staged = plan_to_restore(orders(Mode::staged, phase), "a");
        if (etcd::is_terminal(phase)) {
            CHECK_FALSE(in_place.value().has_value());
            CHECK_FALSE(staged.value().has_value());
            continue;
        }
        CHECK(in_place.has_value() == (phase == Phase::bootstrap));
        CHECK(staged.error().code == Errc::conflict);
    }
    CHECK(plan_to_restore(orders(Mode::in_place, Phase::bootstrap), "b").error().message ==
          "generation g2 is to be led by 'a', this is 'b'");
}

TEST_CASE("a reset is followed by its leader until its generation is proven") {
    CHECK(plan_to_restore(reset(), "a").value()->generation == "g2");
    CHECK(plan_to_restore(reset(), "b").error().code == Errc::conflict);
    Orders done = reset();
    done.generation = etcd::Generation{.generation = "g2"};
    CHECK_FALSE(plan_to_restore(done, "b").value().has_value());
    done.generation->generation = "g1";
    CHECK(plan_to_restore(done, "a").value().has_value());
}

TEST_CASE("a report can always be had, whoever is to lead") {
    for (const Phase phase : kPhases) {
        CHECK_FALSE(plan_to_report(orders(Mode::staged, phase), "b").has_value());
        CHECK(plan_to_report(orders(Mode::staged, phase), "a").has_value() == !etcd::is_terminal(phase));
    }
    CHECK_FALSE(plan_to_report(reset(), "b").has_value());
    CHECK(plan_to_report(reset(), "a").has_value());
    CHECK_FALSE(plan_to_report({}, "a").has_value());
}

TEST_CASE("what an agent calls is bound to its phase and to the members of the plan") {
    CHECK(require_phase({}, "a", Phase::stage).error().message == "no rebuild is under way");
    CHECK(require_phase(orders(Mode::staged, Phase::stage), "b", Phase::stage).value().leader == "a");
    CHECK(require_phase(orders(Mode::staged, Phase::stage), "c", Phase::stage).error().message ==
          "rebuild g2 does not name 'c'");
    CHECK(require_phase(orders(Mode::staged, Phase::undo), "a", Phase::stage).error().message ==
          "rebuild g2 is in phase 'undo', not in 'stage'");
    CHECK(require_phase(orders(Mode::staged, Phase::done), "a", Phase::done).error().code == Errc::conflict);
}

TEST_CASE("what a rebuild may still need is not discarded") {
    for (const Phase phase : kPhases) {
        INFO(etcd::to_text(phase));
        const bool has_ended = etcd::is_terminal(phase);
        const Orders now = orders(Mode::staged, phase);
        CHECK(require_discardable(now, "b").has_value() == has_ended);
        CHECK(require_discardable(now, "c").has_value());
    }
    CHECK(require_discardable({}, "a").has_value());
}

}  // namespace
}  // namespace polygon::bootstrap
