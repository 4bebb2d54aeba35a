#include "tests/unit/entrypoint/next_task_given.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

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
        seen.is_patroni_at_work = true;
        check(next(orders(phase), seen), Task::none, AnswerState::working);
        CHECK(next(orders(phase), seen).reason ==
              "Patroni is stopping, and first ends what it has begun, such as a clone");
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
    NodeSeen told = seen;
    told.bootstrap_error = "not proven: roles locked";
    CHECK(next(orders(Phase::bootstrap), told).reason ==
          "Patroni ended with status 1 in phase bootstrap: not proven: roles locked");
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
    // Of the generation before: what did not end is no way back, and what is set aside may be one.
    DiskSeen unended{.data = {.state = DataState::half, .generation = "g1", .is_startable = false}};
    check(next(orders(Phase::replicas), node("polygon2", unended)), Task::remove_data, AnswerState::working);
    unended.data = {.state = DataState::fragment, .is_startable = false, .is_partial_copy = true};
    check(next(orders(Phase::replicas), node("polygon2", unended)), Task::set_aside, AnswerState::working);
    unended.data.may_replace_previous = false;
    check(next(orders(Phase::replicas), node("polygon2", unended)), Task::remove_data, AnswerState::working);
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

}  // namespace
}  // namespace polygon::entrypoint
