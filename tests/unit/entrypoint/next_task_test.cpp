#include "bootstrap/entrypoint/agent/next_task.h"

#include <array>

#include "tests/support/catch.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;
using etcd::Phase;
using patroni::Previous;

constexpr std::array kPhases = {Phase::stage,     Phase::copy,     Phase::stop,       Phase::clear,
                                Phase::bootstrap, Phase::replicas, Phase::verify,     Phase::done,
                                Phase::undo,      Phase::restore,  Phase::rolled_back};

Orders orders(Phase phase, int attempt = 1) {
    return {.plan = etcd::Plan{.generation = "g2",
                               .leader = "polygon1",
                               .mode = etcd::Mode::staged,
                               .members = {"polygon1", "polygon2", "polygon3"},
                               .replaced_generation = "g1"},
            .phase = etcd::PhaseRecord{.generation = "g2", .phase = phase, .attempt = attempt}};
}

Orders in_place(Phase phase) {
    Orders made = orders(phase);
    made.plan->mode = etcd::Mode::in_place;
    return made;
}

DiskSeen old_data() {
    return {.data = {.state = DataState::complete, .generation = "g1", .system_identifier = 100}};
}

DiskSeen new_data() {
    return {.data = {.state = DataState::complete, .generation = "g2", .system_identifier = 200}, .previous_for = "g2"};
}

// Of the new generation, unfinished or not proven.
DiskSeen half_data() {
    return {.data = {.state = DataState::half, .generation = "g2"}, .previous_for = "g2"};
}

DiskSeen with_staged(DiskSeen disk) {
    disk.has_staged = true;
    disk.staged_generation = "g2";
    disk.is_staged_sealed = true;
    return disk;
}

NodeSeen node(const std::string& name, DiskSeen disk, PatroniState patroni = PatroniState::stopped) {
    return {.name = name, .disk = std::move(disk), .patroni = {.state = patroni}};
}

// Started in the phases bootstrap or replicas.
NodeSeen serving(const std::string& name, DiskSeen disk) {
    NodeSeen seen = node(name, std::move(disk), PatroniState::running);
    seen.patroni_serves = "g2";
    return seen;
}

HelperSeen helper(HelperKind kind, Phase phase, HelperState state) {
    return {.kind = kind, .attempt = {"g2", phase, 1}, .state = state};
}

Step next(const Orders& given, const NodeSeen& seen) {
    return next_task(given, seen, Previous::keep_until_verified);
}

void check(const Step& step, Task task, std::optional<AnswerState> answer) {
    INFO(to_text(step.task) << ": " << step.reason);
    CHECK(step.task == task);
    CHECK(step.answer == answer);
}

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

TEST_CASE("the planned leader serves its clone until all others have answered") {
    NodeSeen seen = node("polygon1", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::copy), seen), Task::run_serve, AnswerState::working);
    seen.helper = helper(HelperKind::serve, Phase::copy, HelperState::running);
    seen.others.have_copied = true;  // before it serves at all: its server is not ended while it starts
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::working);
    seen.helper->address = "10.0.0.1:40000";
    check(next(orders(Phase::copy), seen), Task::end_helper, AnswerState::working);
    seen.others.have_copied = false;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::working);
    seen.helper->state = HelperState::done;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::failed);
    seen.helper->was_ended = true;  // all had answered, and one of them has left since
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::done);
    seen.others.have_copied = true;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::done);
    Orders alone = orders(Phase::copy);
    alone.plan->members = {"polygon1"};
    check(next(alone, node("polygon1", with_staged(old_data()))), Task::none, AnswerState::done);
}

TEST_CASE("a replica copies from the address that the planned leader publishes") {
    NodeSeen seen = node("polygon2", old_data(), PatroniState::running);
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::working);
    seen.others.source = "10.0.0.1:40000";
    check(next(orders(Phase::copy), seen), Task::run_copy, AnswerState::working);
    seen.helper = helper(HelperKind::copy, Phase::copy, HelperState::running);
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::working);
    seen.helper->state = HelperState::failed;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::failed);
    seen.helper->state = HelperState::done;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::done);
}

TEST_CASE(
    "a replica's agent that was restarted knows its finished copy, and does not wait for a source that has ended") {
    NodeSeen seen = node("polygon2", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::done);
    seen = node("polygon2", old_data(), PatroniState::running);
    seen.others.has_source_ended = true;
    check(next(orders(Phase::copy), seen), Task::none, AnswerState::failed);
}

TEST_CASE("who does not hold the leader key stops at once, who holds it after all others") {
    NodeSeen seen = node("polygon2", old_data(), PatroniState::running);
    check(next(orders(Phase::stop), seen), Task::none, AnswerState::working);  // the key was not read
    seen.others.holder = "polygon3";
    check(next(orders(Phase::stop), seen), Task::stop_patroni, AnswerState::working);
    seen.others.holder = "";
    check(next(orders(Phase::stop), seen), Task::stop_patroni, AnswerState::working);
    seen.others.holder = "polygon2";
    check(next(orders(Phase::stop), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::stop), seen).reason == "waiting for the others to stop");
    seen.others.have_stopped = true;
    check(next(orders(Phase::stop), seen), Task::stop_patroni, AnswerState::working);
}

TEST_CASE("a stop is done when neither Patroni nor a postmaster is left") {
    NodeSeen seen = node("polygon2", old_data(), PatroniState::stopping);
    for (const Phase phase : {Phase::stop, Phase::clear, Phase::bootstrap, Phase::undo}) {
        seen.disk.data.has_running_server = true;
        seen.patroni.state = PatroniState::stopping;
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        for (const PatroniState state : {PatroniState::stopped, PatroniState::ended}) {
            seen.patroni.state = state;
            seen.disk.data.has_running_server = true;
            check(next(orders(phase), seen), Task::stop_server, AnswerState::working);
            seen.disk.data.has_running_server = false;
            check(next(orders(phase), seen), Task::none, AnswerState::done);
        }
    }
}

// Told to stop, on a node where it would have to end in any of the phases.
NodeSeen stopping(Phase phase) {
    NodeSeen seen = node("polygon2", old_data(), PatroniState::stopping);
    if (phase == Phase::restore) seen.disk.previous_for = "g2";
    return seen;
}

constexpr std::array kPhasesWithStop = {Phase::stop,     Phase::clear, Phase::bootstrap,
                                        Phase::replicas, Phase::undo,  Phase::restore};

TEST_CASE("a Patroni that does not end is killed when it has had nothing to wait for, for a minute") {
    for (const Phase phase : kPhasesWithStop) {
        NodeSeen seen = stopping(phase);
        INFO(etcd::to_text(phase));
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        seen.idle_stop_seen_for = 59s;
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        seen.idle_stop_seen_for = 60s;
        check(next(orders(phase), seen), Task::kill_patroni, AnswerState::working);
        seen.patroni.state = PatroniState::stopped;  // killed, and its postmaster is back
        seen.disk.data.has_running_server = true;
        check(next(orders(phase), seen), Task::stop_server, AnswerState::working);
    }
    NodeSeen undisturbed = stopping(Phase::stop);  // on the way back: its data is where it was
    undisturbed.idle_stop_seen_for = 60s;
    check(next(orders(Phase::restore), undisturbed), Task::kill_patroni, AnswerState::working);
}

TEST_CASE("a Patroni whose server shuts down, or whose clone goes on, is waited for") {
    for (const Phase phase : kPhasesWithStop) {
        NodeSeen seen = stopping(phase);
        seen.phase_seen_for = 3600s;
        seen.has_patroni_children = true;
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        CHECK(next(orders(phase), seen).reason == "Patroni is stopping, and a program that it has started still runs");
        seen.disk.data.has_running_server = true;
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        CHECK(next(orders(phase), seen).reason == "Patroni is stopping, and its PostgreSQL still shuts down");
    }
}

TEST_CASE("a Patroni that runs where none may is stopped") {
    for (const Phase phase : {Phase::clear, Phase::undo, Phase::bootstrap, Phase::replicas}) {
        for (const char* name : {"polygon1", "polygon2"}) {
            const NodeSeen seen = node(name, old_data(), PatroniState::running);
            check(next(orders(phase), seen), Task::stop_patroni, AnswerState::working);
        }
    }
    check(next(orders(Phase::undo), serving("polygon1", new_data())), Task::stop_patroni, AnswerState::working);
}

TEST_CASE("the planned leader sets its data aside, starts Patroni and is done when the generation is proven") {
    check(next(orders(Phase::bootstrap), node("polygon1", with_staged(old_data()))), Task::set_aside,
          AnswerState::working);
    DiskSeen aside = with_staged({});
    aside.previous_for = "g2";
    check(next(orders(Phase::bootstrap), node("polygon1", aside)), Task::start_patroni, AnswerState::working);
    check(next(orders(Phase::bootstrap), serving("polygon1", aside)), Task::none, AnswerState::working);
    check(next(orders(Phase::bootstrap), serving("polygon1", half_data())), Task::none, AnswerState::working);
    check(next(orders(Phase::bootstrap), serving("polygon1", new_data())), Task::none, AnswerState::done);
}

TEST_CASE(
    "an `initialize` that a bootstrap has left empty is cleared before Patroni starts anew, not under a Patroni") {
    DiskSeen aside = with_staged({});
    aside.previous_for = "g2";
    NodeSeen seen = node("polygon1", aside);
    seen.others.is_initialize_empty = true;
    check(next(orders(Phase::bootstrap), seen), Task::clear_initialize, AnswerState::working);
    seen.disk = with_staged(old_data());
    check(next(orders(Phase::bootstrap), seen), Task::set_aside, AnswerState::working);
    seen.disk = new_data();  // Patroni puts the identifier into the key
    check(next(orders(Phase::bootstrap), seen), Task::start_patroni, AnswerState::working);
    seen.disk = {};
    check(next(in_place(Phase::bootstrap), seen), Task::clear_initialize, AnswerState::working);
    seen.disk.data.has_running_server = true;
    check(next(in_place(Phase::bootstrap), seen), Task::stop_server, AnswerState::working);
    NodeSeen running = serving("polygon1", aside);
    running.others.is_initialize_empty = true;
    check(next(orders(Phase::bootstrap), running), Task::none, AnswerState::working);
}

TEST_CASE("the planned leader touches nothing without a whole staged clone of this generation") {
    DiskSeen unsealed = with_staged(old_data());
    unsealed.is_staged_sealed = false;
    DiskSeen another = with_staged(old_data());
    another.staged_generation = "g1";
    for (const DiskSeen& disk : {old_data(), unsealed, another}) {
        check(next(orders(Phase::bootstrap), node("polygon1", disk)), Task::none, AnswerState::failed);
        CHECK(next(orders(Phase::bootstrap), node("polygon1", disk)).reason ==
              "there is no whole staged clone of generation g2");
    }
}

TEST_CASE("a bootstrap that did not come to its proof has failed") {
    // Patroni ended by itself.
    NodeSeen seen = node("polygon1", with_staged({}), PatroniState::ended);
    seen.patroni.exit_status = 1;
    seen.has_patroni_failed = true;
    check(next(orders(Phase::bootstrap), seen), Task::none, AnswerState::failed);
    CHECK(next(orders(Phase::bootstrap), seen).reason ==
          "Patroni ended with status 1 in phase bootstrap; its log says why");
    // The agent was restarted.
    check(next(orders(Phase::bootstrap), node("polygon1", half_data())), Task::none, AnswerState::failed);
    // But what was proven before goes on.
    check(next(orders(Phase::bootstrap), node("polygon1", new_data())), Task::start_patroni, AnswerState::working);
}

TEST_CASE("data of unknown origin beside the way back is touched by nobody") {
    DiskSeen disk = with_staged(old_data());
    disk.previous_for = "g2";
    check(next(orders(Phase::bootstrap), node("polygon1", disk)), Task::none, AnswerState::failed);
}

TEST_CASE("under mode in-place the data is removed, not set aside, and a repeat removes what is unfinished") {
    check(next(in_place(Phase::bootstrap), node("polygon1", old_data())), Task::remove_data, AnswerState::working);
    check(next(in_place(Phase::bootstrap), node("polygon1", {})), Task::start_patroni, AnswerState::working);
    DiskSeen half = half_data();
    half.previous_for = "";
    check(next(in_place(Phase::bootstrap), node("polygon1", half)), Task::remove_data, AnswerState::working);
    check(next(in_place(Phase::bootstrap), serving("polygon1", half)), Task::none, AnswerState::working);
    check(next(in_place(Phase::replicas), node("polygon2", old_data())), Task::remove_data, AnswerState::working);
    check(next(in_place(Phase::replicas), node("polygon2", {})), Task::start_patroni, AnswerState::working);
}

TEST_CASE("others stay stopped while the planned leader bootstraps") {
    check(next(orders(Phase::bootstrap), node("polygon2", with_staged(old_data()))), Task::none, AnswerState::done);
}

TEST_CASE("a replica sets its data aside, takes its own staged copy or clones, and is done when Patroni runs") {
    for (const Phase phase : {Phase::replicas, Phase::verify}) {
        check(next(orders(phase), node("polygon2", old_data())), Task::set_aside, AnswerState::working);
        DiskSeen empty{.previous_for = "g2"};
        check(next(orders(phase), node("polygon2", empty)), Task::start_patroni, AnswerState::working);
        NodeSeen staged = node("polygon2", with_staged(empty));
        check(next(orders(phase), staged), Task::put_in_place, AnswerState::working);
        staged.is_staged_unusable = true;
        check(next(orders(phase), staged), Task::start_patroni, AnswerState::working);
        check(next(orders(phase), node("polygon2", new_data())), Task::start_patroni, AnswerState::working);
        check(next(orders(phase), serving("polygon2", half_data())), Task::none, AnswerState::done);
        check(next(orders(phase), serving("polygon2", new_data())), Task::none, AnswerState::done);
    }
}

TEST_CASE("what a clone has left at the places of tablespaces goes before the next one is put there or made") {
    DiskSeen empty{.previous_for = "g2", .has_leftovers = true};
    check(next(orders(Phase::replicas), node("polygon2", empty)), Task::remove_data, AnswerState::working);
    check(next(orders(Phase::replicas), node("polygon2", with_staged(empty))), Task::remove_data, AnswerState::working);
}

TEST_CASE("a clone that was interrupted is removed, never set aside over the way back") {
    check(next(orders(Phase::replicas), node("polygon2", half_data())), Task::remove_data, AnswerState::working);
    DiskSeen unmarked = half_data();
    unmarked.data = {.state = DataState::complete};
    check(next(orders(Phase::replicas), node("polygon2", unmarked)), Task::remove_data, AnswerState::working);
}

TEST_CASE("the planned leader keeps Patroni running, and has failed when its data is gone") {
    for (const Phase phase : {Phase::replicas, Phase::verify}) {
        check(next(orders(phase), serving("polygon1", new_data())), Task::none, AnswerState::done);
        check(next(orders(phase), node("polygon1", new_data())), Task::start_patroni, AnswerState::working);
        check(next(orders(phase), node("polygon1", half_data())), Task::none, AnswerState::failed);
        check(next(orders(phase), node("polygon1", {})), Task::none, AnswerState::failed);
        NodeSeen ended = node("polygon1", new_data(), PatroniState::ended);
        ended.has_patroni_failed = true;
        check(next(orders(phase), ended), Task::none, AnswerState::failed);
    }
}

TEST_CASE("a postmaster that outlived its Patroni is stopped before data is moved") {
    for (const Phase phase : {Phase::bootstrap, Phase::replicas, Phase::restore}) {
        for (const char* name : {"polygon1", "polygon2"}) {
            NodeSeen seen = node(name, with_staged(old_data()));
            seen.disk.data.has_running_server = true;
            if (phase == Phase::restore) seen.disk.previous_for = "g2";
            check(next(orders(phase), seen), Task::stop_server, AnswerState::working);
        }
    }
}

TEST_CASE("the way back: the new clone is taken back, the old data brought back, Patroni started") {
    const Orders back = orders(Phase::restore);
    check(next(back, node("polygon1", new_data())), Task::take_back, AnswerState::working);
    check(next(back, node("polygon2", half_data())), Task::take_back, AnswerState::working);
    check(next(back, serving("polygon2", new_data())), Task::stop_patroni, AnswerState::working);
    check(next(back, node("polygon1", with_staged(new_data()))), Task::remove_staged, AnswerState::working);
    DiskSeen taken = with_staged({});
    taken.previous_for = "g2";
    check(next(back, node("polygon1", taken)), Task::bring_back, AnswerState::working);
    DiskSeen half_aside = with_staged(old_data());
    half_aside.half_set_aside_for = "g2";
    check(next(back, node("polygon1", half_aside)), Task::bring_back, AnswerState::working);
    DiskSeen primary = with_staged(old_data());
    primary.was_primary = true;
    check(next(back, node("polygon1", primary)), Task::start_patroni, AnswerState::working);
    check(next(back, node("polygon1", primary, PatroniState::running)), Task::none, AnswerState::done);
}

TEST_CASE("on the way back a standby waits for a leader, though not for ever") {
    NodeSeen seen = node("polygon2", old_data());
    seen.others.holder = "";
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.phase_seen_for = 29s;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.phase_seen_for = 30s;
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
    seen.others.may_primary_return = true;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::restore), seen).reason == "waiting for the primary to lead again");
    seen.phase_seen_for = 0s;
    seen.others.holder = "polygon1";  // who may still be about to stop
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.others.is_holder_back = true;
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
}

TEST_CASE("where Patroni was never stopped the way back asks for nothing, and the staged clone goes at its end") {
    const NodeSeen seen = node("polygon2", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::done);
    check(next(orders(Phase::rolled_back), seen), Task::discard_staged, std::nullopt);
}

TEST_CASE("a node without a way back waits for a leader, gives up its undone clone only then, and clones") {
    DiskSeen clone = new_data();
    clone.previous_for = "";
    clone.was_primary = true;  // it must not lead again
    NodeSeen seen = node("polygon2", clone);
    seen.phase_seen_for = 60s;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    CHECK(next(orders(Phase::restore), seen).guard == Guard::off);
    seen.others = {.holder = "polygon3", .is_holder_back = true};
    seen.disk.data.has_running_server = true;
    check(next(orders(Phase::restore), seen), Task::stop_server, AnswerState::working);
    seen.disk.data.has_running_server = false;
    check(next(orders(Phase::restore), seen), Task::remove_data, AnswerState::working);
    seen.disk = {};
    check(next(orders(Phase::restore), seen), Task::start_patroni, AnswerState::working);
    seen.others = {};
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::working);
    seen.patroni.state = PatroniState::running;
    check(next(orders(Phase::restore), seen), Task::none, AnswerState::done);
}

TEST_CASE("the previous data goes when the rebuild is done, where the configuration does not keep it") {
    NodeSeen seen = node("polygon1", new_data(), PatroniState::running);
    const Step step = next(orders(Phase::done), seen);
    check(step, Task::discard_all, std::nullopt);
    CHECK(step.guard == Guard::on);
    CHECK(next_task(orders(Phase::done), seen, Previous::keep).task == Task::none);
    seen.disk = with_staged(new_data());
    CHECK(next_task(orders(Phase::done), seen, Previous::keep).task == Task::discard_staged);
    seen.helper = helper(HelperKind::discard, Phase::done, HelperState::done);
    CHECK(next(orders(Phase::done), seen).task == Task::none);
}

TEST_CASE("the previous data stays with a node that does not run on the new generation") {
    CHECK(next(orders(Phase::done), node("polygon1", new_data())).task == Task::none);
    DiskSeen late = old_data();
    late.previous_for = "g2";
    CHECK(next(orders(Phase::done), node("polygon1", late, PatroniState::running)).task == Task::none);
    CHECK(next(orders(Phase::done), node("polygon1", half_data(), PatroniState::running)).task == Task::none);
}

TEST_CASE("what a way back has left staged goes, and the previous data directory is not asked for") {
    const NodeSeen seen = node("polygon1", with_staged(old_data()), PatroniState::running);
    check(next(orders(Phase::rolled_back), seen), Task::discard_staged, std::nullopt);
    DiskSeen half = old_data();  // removed: there is no polygon.json any more
    half.has_staged = true;
    check(next(orders(Phase::rolled_back), node("polygon1", half, PatroniState::running)), Task::discard_staged,
          std::nullopt);
    half.data = {};  // Patroni's own bootstrap may be at work there
    CHECK(next(orders(Phase::rolled_back), node("polygon1", half, PatroniState::running)).task == Task::none);
    DiskSeen old = old_data();
    old.previous_for = "g2";
    CHECK(next(orders(Phase::rolled_back), node("polygon1", old, PatroniState::running)).task == Task::none);
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

TEST_CASE("the primary of before may return while a member lives that has, or may have, its data") {
    const Orders given = orders(Phase::restore);
    const auto may_return = [&](const etcd::NodeRecord& record) {
        return look_at_others({record}, "", *given.plan, *given.phase, "polygon2").may_primary_return;
    };
    etcd::NodeRecord record{.name = "polygon1", .was_primary = true, .generation = "g1"};
    CHECK(may_return(record));
    record.answer = etcd::Answer{.generation = "g2", .phase = Phase::undo, .state = AnswerState::failed};
    CHECK(may_return(record));  // still stopping, then
    record.answer->phase = Phase::restore;
    CHECK_FALSE(may_return(record));
    record.answer->state = AnswerState::done;
    CHECK(may_return(record));
    record.was_primary = false;
    CHECK_FALSE(may_return(record));
    record.previous_for = "g2";  // where what it was is not seen
    CHECK(may_return(record));
    // The undone generation's primary, of a node that was empty.
    CHECK_FALSE(may_return({.name = "polygon1", .was_primary = true, .generation = "g2"}));
    CHECK_FALSE(may_return({.name = "polygon2", .was_primary = true, .generation = "g1"}));
    CHECK_FALSE(may_return({.name = "polygon9", .was_primary = true, .generation = "g1"}));
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
