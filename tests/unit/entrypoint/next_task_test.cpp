#include "tests/unit/entrypoint/next_task_given.h"

namespace polygon::entrypoint {
namespace {

TEST_CASE("without a rebuild only the guard acts, and nothing is answered") {
    const NodeSeen seen = node("polygon1", old_data());
    for (const Orders& none : {Orders{}, Orders{.plan = orders(Phase::stage).plan}, Orders{.preflight_id = "x"}}) {
        const Step step = next(none, seen);
        check(step, Task::none, std::nullopt);
        CHECK(step.guard == Guard::on);
        CHECK(after_patroni(none, "polygon1") == AfterPatroni::end);
    }
}

TEST_CASE("a plan of mode reset is the guard's alone, whatever phase is left of an earlier rebuild") {
    for (const Phase phase : kPhases) {
        Orders reset = orders(phase);
        reset.plan->mode = etcd::Mode::reset;
        check(next(reset, node("polygon1", old_data())), Task::none, std::nullopt);
        CHECK(next(reset, node("polygon1", old_data())).guard == Guard::on);
    }
}

TEST_CASE("a phase of another generation than the plan's moves nobody") {
    for (const Phase phase : kPhases) {
        Orders stale = orders(phase);
        stale.phase->generation = "g0";
        check(next(stale, node("polygon1", old_data())), Task::none, std::nullopt);
        CHECK(next(stale, node("polygon1", old_data())).guard == Guard::on);
    }
}

TEST_CASE("a node that the plan does not name is not started before the rebuild's end") {
    for (const Phase phase : kPhases) {
        const Step step = next(orders(phase), node("polygon9", old_data()));
        INFO(etcd::to_text(phase));
        CHECK(step.task == Task::none);
        CHECK_FALSE(step.answer.has_value());
        CHECK((step.guard == Guard::on) == etcd::is_terminal(phase));
        CHECK(after_patroni(orders(phase), "polygon9") == AfterPatroni::end);
    }
}

TEST_CASE("a node that the plan does not name and that runs goes on, but not on a generation that is undone") {
    for (const Phase phase : kPhases) {
        INFO(etcd::to_text(phase));
        CHECK(next(orders(phase), node("polygon9", old_data(), PatroniState::running)).task == Task::none);
        const Step cloned = next(orders(phase), node("polygon9", new_data(), PatroniState::running));
        CHECK((cloned.task == Task::stop_patroni) == (phase == Phase::undo));
        CHECK_FALSE(cloned.answer.has_value());
    }
}

TEST_CASE("the guard is off in every phase that decides on the data directory itself") {
    for (const Phase phase : kPhases) {
        for (const char* name : {"polygon1", "polygon2"}) {
            const Guard guard = next(orders(phase), node(name, with_staged(old_data()))).guard;
            const bool is_on =
                phase == Phase::stage || phase == Phase::copy || phase == Phase::done || phase == Phase::rolled_back;
            INFO(name << " " << etcd::to_text(phase));
            CHECK((guard == Guard::on) == is_on);
        }
    }
}

TEST_CASE("Patroni's own end ends the node, except while its answer is needed") {
    for (const Phase phase : kPhases) {
        const bool stays = phase == Phase::stop || phase == Phase::clear || phase == Phase::bootstrap ||
                           phase == Phase::replicas || phase == Phase::undo;
        CHECK((after_patroni(orders(phase), "polygon2") == AfterPatroni::stay) == stays);
    }
}

TEST_CASE("every member's helper stages, while the polygon serves") {
    for (const char* name : {"polygon1", "polygon2"}) {
        NodeSeen seen = node(name, old_data(), PatroniState::running);
        check(next(orders(Phase::stage), seen), Task::run_stage, AnswerState::working);
        seen.helper = helper(HelperKind::stage, Phase::stage, HelperState::running);
        seen.helper->activity = "restore";
        check(next(orders(Phase::stage), seen), Task::none, AnswerState::working);
        CHECK(next(orders(Phase::stage), seen).reason == "restore");
        seen.helper->state = HelperState::done;
        check(next(orders(Phase::stage), seen), Task::none, AnswerState::done);
        seen.helper->state = HelperState::failed;
        seen.helper->error = "no room";
        check(next(orders(Phase::stage), seen), Task::none, AnswerState::failed);
        CHECK(next(orders(Phase::stage), seen).reason == "no room");
    }
}

TEST_CASE("what had failed is tried again in the next attempt, not in the same") {
    NodeSeen seen = node("polygon1", old_data(), PatroniState::running);
    seen.helper = helper(HelperKind::stage, Phase::stage, HelperState::failed);
    check(next(orders(Phase::stage, 1), seen), Task::none, AnswerState::failed);
    check(next(orders(Phase::stage, 2), seen), Task::run_stage, AnswerState::working);
}

TEST_CASE("a task that failed is answered as failed in every phase, and not repeated") {
    for (const Phase phase : kPhases) {
        if (etcd::is_terminal(phase)) continue;
        NodeSeen seen = node("polygon2", old_data());
        seen.failure = "cannot rename";
        check(next(orders(phase), seen), Task::none, AnswerState::failed);
        CHECK(next(orders(phase), seen).reason == "cannot rename");
    }
}

TEST_CASE("a helper of an abandoned phase is ended before anything else is done") {
    for (const Phase phase : kPhases) {
        if (phase == Phase::stage) continue;
        NodeSeen seen = node("polygon1", old_data(), PatroniState::running);
        seen.helper = helper(HelperKind::stage, Phase::stage, HelperState::running);
        CHECK(next(orders(phase), seen).task == Task::end_helper);
        CHECK(next(orders(phase), seen).answer.has_value() == !etcd::is_terminal(phase));
    }
    NodeSeen seen = node("polygon1", old_data(), PatroniState::running);
    seen.helper = helper(HelperKind::stage, Phase::stage, HelperState::running);
    check(next(Orders{}, seen), Task::end_helper, std::nullopt);
    check(next(orders(Phase::stage, 2), seen), Task::end_helper, AnswerState::working);
}

TEST_CASE("in no phase of a staged rebuild is data removed that could be the old polygon's") {
    for (const Phase phase : kPhases) {
        for (const char* name : {"polygon1", "polygon2"}) {
            for (const PatroniState state :
                 {PatroniState::stopped, PatroniState::running, PatroniState::stopping, PatroniState::ended}) {
                for (const DiskSeen& disk : {old_data(), with_staged(old_data())}) {
                    const Task task = next(orders(phase), node(name, disk, state)).task;
                    INFO(name << " in " << etcd::to_text(phase) << ": " << to_text(task));
                    CHECK(task != Task::remove_data);
                    CHECK(task != Task::discard_all);
                    CHECK(task != Task::take_back);
                    // Nothing is moved under a Patroni.
                    if (state == PatroniState::running || state == PatroniState::stopping) {
                        CHECK(task != Task::set_aside);
                        CHECK(task != Task::bring_back);
                    }
                }
            }
        }
    }
}

TEST_CASE("only the whole of a phase's answers from the others counts") {
    const Orders given = orders(Phase::stop);
    const auto record = [&](const char* name, AnswerState state, int attempt) {
        return etcd::NodeRecord{
            .name = name,
            .address = "10.0.0.1:1",
            .answer =
                etcd::Answer{.generation = "g2", .phase = given.phase->phase, .attempt = attempt, .state = state}};
    };
    const auto look = [&](const std::vector<etcd::NodeRecord>& records, const char* me) {
        return look_at_others(records, "polygon2", *given.plan, *given.phase, me);
    };
    CHECK_FALSE(look({}, "polygon1").have_stopped);
    const auto two = record("polygon2", AnswerState::done, 1);
    CHECK_FALSE(look({two}, "polygon1").have_stopped);
    CHECK(look({two, record("polygon3", AnswerState::done, 1)}, "polygon1").have_stopped);
    CHECK(look({two}, "polygon1").is_holder_back);
    CHECK_FALSE(look({record("polygon2", AnswerState::done, 2)}, "polygon1").is_holder_back);
    CHECK_FALSE(look({record("polygon2", AnswerState::working, 1)}, "polygon1").is_holder_back);
    CHECK_FALSE(look({}, "polygon1").is_holder_back);
    CHECK_FALSE(look({two, record("polygon3", AnswerState::done, 0)}, "polygon1").have_stopped);
    CHECK_FALSE(look({two, record("polygon3", AnswerState::failed, 1)}, "polygon1").have_stopped);
    CHECK(look({two, record("polygon3", AnswerState::failed, 1)}, "polygon1").have_copied);
    CHECK_FALSE(look({two, record("polygon3", AnswerState::working, 1)}, "polygon1").have_copied);
    // A node that the plan does not name has no say.
    CHECK_FALSE(look({two, record("polygon9", AnswerState::done, 1)}, "polygon1").have_stopped);
    CHECK(look({record("polygon1", AnswerState::working, 1)}, "polygon2").source == "10.0.0.1:1");
    CHECK(look({record("polygon1", AnswerState::working, 2)}, "polygon2").source.empty());
    CHECK(look({record("polygon1", AnswerState::failed, 1)}, "polygon2").has_source_ended);
    CHECK_FALSE(look({}, "polygon2").has_source_ended);
}

}  // namespace
}  // namespace polygon::entrypoint
