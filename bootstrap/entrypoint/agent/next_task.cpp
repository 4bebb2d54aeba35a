#include "bootstrap/entrypoint/agent/next_task.h"

#include <fmt/format.h>

#include "bootstrap/entrypoint/agent/phases.h"

namespace polygon::entrypoint {
namespace {

using etcd::Phase;

Step by_guard() {
    return {.guard = Guard::on};
}

// A node that the plan does not name. If it started now, its Patroni could write the old identifier and lead the old
// data after the keys were cleared. One that runs is for the coordinator to see, unless it has cloned the generation
// that is undone: it would take the leader key from those that come back.
Step as_stranger(const Orders& orders, const NodeSeen& seen) {
    const std::string& generation = orders.phase->generation;
    if (seen.patroni.state != PatroniState::running) {
        return {.reason = fmt::format("waiting for the end of the rebuild to generation {}, which does not name {}",
                                      generation, seen.name)};
    }
    if (orders.phase->phase != Phase::undo || seen.disk.data.generation != generation) return by_guard();
    return {.task = Task::stop_patroni, .reason = fmt::format("generation {} is undone", generation)};
}

// Those of an abandoned phase are ended before anything else is done.
bool runs_stray_helper(const Orders& orders, const NodeSeen& seen) {
    if (!seen.helper || seen.helper->state != HelperState::running) return false;
    return !orders.phase || seen.helper->attempt != attempt_of(*orders.phase);
}

// A staged directory without a readable polygon.json is half removed; or half made, by a bootstrap into an empty D.
bool has_staged_of(const DiskSeen& disk, const std::string& generation) {
    if (!disk.has_staged) return false;
    const bool is_half_removed = disk.staged_generation.empty() && disk.data.state == DataState::complete;
    return is_half_removed || disk.staged_generation == generation;
}

// In the terminal phases: what was kept for a way back, or for the way forward, is not needed any more.
Step after_the_end(const Orders& orders, const NodeSeen& seen, patroni::Previous previous) {
    Step step = by_guard();
    const std::string& generation = orders.phase->generation;
    const bool has_ended_well = orders.phase->phase == Phase::done;
    const bool has_run = seen.helper && seen.helper->attempt == attempt_of(*orders.phase);
    if (seen.patroni.state != PatroniState::running || has_run) return step;
    if (has_ended_well && (seen.disk.data.state != DataState::complete || seen.disk.data.generation != generation)) {
        return step;
    }
    const bool is_previous_done_with =
        seen.disk.previous_for == generation && previous == patroni::Previous::keep_until_verified;
    if (has_ended_well && (is_previous_done_with || seen.disk.has_remains)) {
        step.task = Task::discard_all;
        step.reason = fmt::format("generation {} is verified", generation);
    } else if (has_staged_of(seen.disk, generation)) {
        step.task = Task::discard_staged;
        step.reason = fmt::format("the rebuild to generation {} has ended", generation);
    }
    return step;
}

Step in_phase(const Orders& orders, const NodeSeen& seen) {
    const PhaseView view{*orders.plan, *orders.phase, seen};
    switch (orders.phase->phase) {
        case Phase::stage:
            return in_stage(view);
        case Phase::copy:
            return in_copy(view);
        case Phase::stop:
            return in_stop(view);
        case Phase::clear:
        case Phase::undo:
            return stay_stopped(view);
        case Phase::bootstrap:
            return view.is_leader() ? in_bootstrap(view) : stay_stopped(view);
        case Phase::replicas:
        case Phase::verify:
            return in_replicas(view);
        case Phase::restore:
            return in_restore(view);
        case Phase::done:
        case Phase::rolled_back:
            break;
    }
    return by_guard();
}

}  // namespace

bool takes_part(const Orders& orders, const std::string& member) {
    return etcd::is_active(orders.plan, orders.phase) && etcd::names_member(*orders.plan, member);
}

AfterPatroni after_patroni(const Orders& orders, const std::string& member) {
    if (!takes_part(orders, member)) return AfterPatroni::end;
    switch (orders.phase->phase) {
        case Phase::stop:
        case Phase::clear:
        case Phase::bootstrap:
        case Phase::replicas:
        case Phase::undo:
            return AfterPatroni::stay;
        default:
            return AfterPatroni::end;
    }
}

Step next_task(const Orders& orders, const NodeSeen& seen, patroni::Previous previous) {
    if (runs_stray_helper(orders, seen)) {
        Step step = {.task = Task::end_helper, .reason = "its phase is over"};
        if (takes_part(orders, seen.name)) step.answer = etcd::AnswerState::working;
        return step;
    }
    if (takes_part(orders, seen.name)) {
        Step step = in_phase(orders, seen);
        if (!seen.failure) return step;
        return {.answer = etcd::AnswerState::failed, .reason = *seen.failure, .guard = step.guard};
    }
    if (etcd::is_active(orders.plan, orders.phase)) return as_stranger(orders, seen);
    const bool has_ended = orders.plan && orders.phase && orders.plan->mode != etcd::Mode::reset &&
                           orders.plan->generation == orders.phase->generation &&
                           etcd::names_member(*orders.plan, seen.name);
    return has_ended ? after_the_end(orders, seen, previous) : by_guard();
}

std::string_view to_text(Task task) {
    switch (task) {
        case Task::none:
            return "wait";
        case Task::run_stage:
            return "stage the clone";
        case Task::run_serve:
            return "serve the staged clone";
        case Task::run_copy:
            return "copy the staged clone";
        case Task::discard_staged:
            return "discard the staged clone";
        case Task::discard_all:
            return "discard the previous data directory";
        case Task::end_helper:
            return "end the helper";
        case Task::stop_patroni:
            return "stop Patroni";
        case Task::kill_patroni:
            return "kill Patroni";
        case Task::stop_server:
            return "stop PostgreSQL";
        case Task::start_patroni:
            return "start Patroni";
        case Task::clear_initialize:
            return "clear the key initialize";
        case Task::set_aside:
            return "set the data directory aside";
        case Task::remove_data:
            return "remove the data directory";
        case Task::remove_staged:
            return "remove the staged clone";
        case Task::put_in_place:
            return "put the staged clone in place";
        case Task::take_back:
            return "take the new clone back";
        case Task::bring_back:
            return "bring the previous data directory back";
    }
    return "wait";
}

}  // namespace polygon::entrypoint
