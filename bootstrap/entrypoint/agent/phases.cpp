#include "bootstrap/entrypoint/agent/phases.h"

#include <chrono>

#include <fmt/format.h>

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;

constexpr auto kLongestWaitForLeader = 30s;
// No time limit as such: a shutdown checkpoint may rightly take many minutes, and so may a clone that an older Patroni
// does not break off, or the removal of the data before a clone. With none of these it has only etcd to wait for,
// retry_timeout (10 s) a request.
constexpr auto kLongestStopWithoutServer = 60s;

Step with_guard(Step step) {
    step.guard = Guard::on;
    return step;
}

// Starts the helper of this attempt and answers by its end.
Step by_helper(const PhaseView& view, HelperKind kind, Task run, std::string reason) {
    const HelperSeen* helper = view.helper(kind);
    if (helper == nullptr) return working(run, std::move(reason));
    switch (helper->state) {
        case HelperState::running:
            return working(Task::none, helper->activity);
        case HelperState::done:
            return done("");
        case HelperState::failed:
            break;
    }
    return failed(helper->error);
}

Step in_copy_as_leader(const PhaseView& view) {
    if (view.plan.members.size() < 2) return done("there are no replicas");
    const HelperSeen* helper = view.helper(HelperKind::serve);
    const bool serves = helper != nullptr && helper->state == HelperState::running && !helper->address.empty();
    if (serves && view.seen.others.have_copied) return working(Task::end_helper, "all replicas have answered");
    if (helper != nullptr && helper->state == HelperState::done && !helper->was_ended &&
        !view.seen.others.have_copied) {
        return failed("the staged clone is not served any more, and replicas have not copied it");
    }
    return by_helper(view, HelperKind::serve, Task::run_serve, "replicas copy it");
}

Step in_copy_as_replica(const PhaseView& view) {
    const DiskSeen& disk = view.seen.disk;
    if (view.helper(HelperKind::copy) == nullptr) {
        if (disk.staged_generation == view.plan.generation && disk.is_staged_sealed) return done("copied already");
        if (view.seen.others.has_source_ended) return failed(view.plan.leader + " does not serve its clone any more");
        if (view.seen.others.source.empty()) {
            return working(Task::none, fmt::format("waiting for {} to serve its clone", view.plan.leader));
        }
    }
    return by_helper(view, HelperKind::copy, Task::run_copy, "from " + view.seen.others.source);
}

// None: Patroni is not stopping.
std::optional<Step> wait_for_stop(const PhaseView& view) {
    if (view.seen.patroni.state != PatroniState::stopping) return std::nullopt;
    if (view.seen.disk.data.has_running_server) {
        return working(Task::none, "Patroni is stopping, and its PostgreSQL still shuts down");
    }
    if (view.seen.is_patroni_at_work) {
        return working(Task::none, "Patroni is stopping, and first ends what it has begun, such as a clone");
    }
    if (view.seen.idle_stop_seen_for < kLongestStopWithoutServer) return working(Task::none, "Patroni is stopping");
    return working(Task::kill_patroni,
                   "it was told to stop and does not end, with no PostgreSQL and no work of its own left");
}

// Before Patroni is started anew, or is to have ended. None: nothing of it is left.
std::optional<Step> stop_what_runs(const PhaseView& view) {
    if (const auto step = wait_for_stop(view)) return step;
    if (view.seen.patroni.state == PatroniState::running) {
        return working(Task::stop_patroni, fmt::format("phase {}", etcd::to_text(view.phase.phase)));
    }
    if (view.seen.disk.data.has_running_server) {
        return working(Task::stop_server, "it still runs on the data directory");
    }
    return std::nullopt;
}

Step patroni_failed(const PhaseView& view) {
    const std::string& why = view.seen.bootstrap_error;
    return failed(fmt::format("Patroni ended with status {} in phase {}{}", view.seen.patroni.exit_status,
                              etcd::to_text(view.phase.phase), why.empty() ? "; its log says why" : ": " + why));
}

// What is in D makes room for what is to come: kept where the mode has a way back. What did not end is none, and what
// is set aside already is more.
Step make_room(const PhaseView& view, std::string reason) {
    if (view.plan.mode == etcd::Mode::in_place) return working(Task::remove_data, std::move(reason));
    const DataSeen& data = view.seen.disk.data;
    const bool is_known = data.state == DataState::half || (data.is_partial_copy && !data.may_replace_previous);
    if (!data.is_startable && is_known) return working(Task::remove_data, "what is there did not end; " + reason);
    if (view.seen.disk.previous_for == view.plan.generation) {
        return working(Task::remove_data, "an unfinished clone of this generation");
    }
    return working(Task::set_aside, std::move(reason));
}

Step start(std::string reason) {
    return working(Task::start_patroni, std::move(reason));
}

// Patroni, with nothing to start from. It would wait for ever for the leader that an empty `initialize` announces: this
// very member, before it was restarted.
Step start_bootstrap(const PhaseView& view, std::string reason) {
    if (!view.seen.others.is_initialize_empty) return start(std::move(reason));
    return working(Task::clear_initialize, "a bootstrap of this member did not end");
}

bool has_data(const PhaseView& view) {
    return view.seen.disk.data.state != DataState::empty;
}

}  // namespace

Step working(Task task, std::string reason) {
    return {.task = task, .answer = AnswerState::working, .reason = std::move(reason)};
}

Step done(std::string reason) {
    return {.answer = AnswerState::done, .reason = std::move(reason)};
}

Step failed(std::string reason) {
    return {.answer = AnswerState::failed, .reason = std::move(reason)};
}

Step in_stage(const PhaseView& view) {
    return with_guard(
        by_helper(view, HelperKind::stage, Task::run_stage,
                  fmt::format("generation {} is to be led by {}", view.plan.generation, view.plan.leader)));
}

Step in_copy(const PhaseView& view) {
    return with_guard(view.is_leader() ? in_copy_as_leader(view) : in_copy_as_replica(view));
}

// The holder of the leader key is the last, so that the replicas have received all that it wrote.
Step in_stop(const PhaseView& view) {
    if (view.seen.patroni.state == PatroniState::running && !view.seen.others.have_stopped) {
        if (!view.seen.others.holder) return working(Task::none, "the leader key is not known");
        if (*view.seen.others.holder == view.seen.name) return working(Task::none, "waiting for the others to stop");
    }
    return stay_stopped(view);
}

Step stay_stopped(const PhaseView& view) {
    return stop_what_runs(view).value_or(done("stopped"));
}

// Of the planned leader.
Step in_bootstrap(const PhaseView& view) {
    const bool is_of_this_phase = view.seen.patroni_serves == view.plan.generation;
    if (view.is_patroni_there() && is_of_this_phase) {
        if (view.has_new_data()) return done("the new generation is proven");
        return working(Task::none, "waiting for Patroni's bootstrap");
    }
    if (const auto step = stop_what_runs(view)) return *step;
    if (view.has_new_data()) return start("the new generation is proven");
    if (view.seen.has_patroni_failed) return patroni_failed(view);
    const DiskSeen& disk = view.seen.disk;
    if (view.plan.mode == etcd::Mode::in_place) {
        return has_data(view) ? make_room(view, "there is no room for two")
                              : start_bootstrap(view, "the data directory is empty");
    }
    if (disk.data.generation == view.plan.generation) {
        return failed(
            fmt::format("the bootstrap of generation {} was interrupted before it was proven", view.plan.generation));
    }
    if (disk.staged_generation != view.plan.generation || !disk.is_staged_sealed) {
        return failed(fmt::format("there is no whole staged clone of generation {}", view.plan.generation));
    }
    if (!has_data(view)) return start_bootstrap(view, fmt::format("generation {} is staged", view.plan.generation));
    if (disk.previous_for == view.plan.generation) {
        return failed("the data directory holds other data than this rebuild's, and the previous one is its way back");
    }
    return make_room(view, fmt::format("this member is to lead generation {}", view.plan.generation));
}

// And verify: Patroni is to run on the new generation.
Step in_replicas(const PhaseView& view) {
    if (view.is_patroni_there() && view.seen.patroni_serves == view.plan.generation) return done("Patroni runs");
    if (view.seen.has_patroni_failed) return patroni_failed(view);
    if (const auto step = stop_what_runs(view)) return *step;
    if (view.has_new_data()) return start(fmt::format("generation {}, the cluster's", view.plan.generation));
    if (view.is_leader()) return failed(fmt::format("its data of generation {} is gone", view.plan.generation));
    if (has_data(view)) return make_room(view, view.plan.leader + " leads the new generation");
    const DiskSeen& disk = view.seen.disk;
    if (disk.has_leftovers) return working(Task::remove_data, "an unfinished clone has left tablespaces");
    if (disk.staged_generation == view.plan.generation && disk.is_staged_sealed && !view.seen.is_staged_unusable) {
        return working(Task::put_in_place, "copied before the polygon stopped");
    }
    return start(fmt::format("it clones {}", view.plan.leader));
}

// On the way back, of a node that has nothing to go back to: it was empty, or has lost it. What it has of the undone
// generation must not lead again, and goes when there is something to clone.
Step clone_old_leader(const PhaseView& view) {
    if (!view.seen.others.is_holder_back) return working(Task::none, "waiting for a leader to clone");
    if (has_data(view)) return working(Task::remove_data, "its generation is undone");
    return start("it clones " + *view.seen.others.holder);
}

Step in_restore(const PhaseView& view) {
    const DiskSeen& disk = view.seen.disk;
    const std::string& generation = view.plan.generation;
    const bool is_half_aside = disk.half_set_aside_for == generation;
    if (is_half_aside || disk.previous_for == generation) {
        if (const auto step = stop_what_runs(view)) return *step;
        if (is_half_aside || !has_data(view)) return working(Task::bring_back, "the rebuild is undone");
        if (disk.has_staged) return working(Task::remove_staged, "it is in the way");
        return working(Task::take_back, "the rebuild is undone");
    }
    if (disk.data.generation == generation) {
        if (const auto step = stop_what_runs(view)) return *step;
        return clone_old_leader(view);
    }
    if (const auto step = wait_for_stop(view)) return *step;
    if (view.seen.patroni.state == PatroniState::running) return done("Patroni runs");
    if (!has_data(view)) return clone_old_leader(view);
    if (disk.was_primary && !disk.is_control_unreadable) return start("its server was the primary");
    if (view.seen.others.is_holder_back) return start(*view.seen.others.holder + " leads again");
    if (view.seen.others.may_primary_return) return working(Task::none, "waiting for the primary to lead again");
    if (disk.is_control_unreadable)
        return working(Task::none, "whether its server was the primary cannot be read: " + disk.data.unreadable);
    if (view.seen.phase_seen_for >= kLongestWaitForLeader) return start("nobody leads again");
    return working(Task::none, "waiting for a leader");
}

}  // namespace polygon::entrypoint
