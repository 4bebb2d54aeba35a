#include "bootstrap/rebuild/coordinator/next_move.h"

#include <algorithm>
#include <optional>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;
using etcd::Mode;
using etcd::Phase;
using Kind = Move::Kind;
using Names = std::vector<std::string>;

Move wait_for(std::string what) {
    return {.kind = Kind::wait, .reason = std::move(what)};
}

Move enter(Phase phase) {
    return {.kind = Kind::enter, .phase = phase};
}

Move stuck(std::string reason) {
    return {.kind = Kind::stuck, .reason = std::move(reason)};
}

// To where things are put back in etcd first, if the old cluster's keys are gone already.
Move go_back(const View& view, std::string reason) {
    if (!has_way_back(view)) return stuck(std::move(reason));
    const Phase now = view.phase.phase;
    const bool is_cleared =
        now == Phase::bootstrap || now == Phase::replicas || now == Phase::verify || now == Phase::done;
    return {.kind = Kind::go_back, .phase = is_cleared ? Phase::undo : Phase::restore, .reason = std::move(reason)};
}

bool answers(const View& view, const std::string& member, AnswerState state) {
    const etcd::NodeRecord* node = find_node(view, member);
    return node != nullptr && etcd::answers(*node, view.phase, state);
}

// Members that have not answered `done`; their agents may be gone.
Names not_done(const View& view) {
    Names names;
    for (const std::string& member : view.plan.members) {
        if (!answers(view, member, AnswerState::done)) names.push_back(member);
    }
    return names;
}

// Stopped: as answered in this phase or, in `clear`, in the one before it, after which nothing may start.
bool has_stopped(const View& view, const std::string& member) {
    const etcd::NodeRecord* node = find_node(view, member);
    if (node == nullptr) return false;
    etcd::PhaseRecord stop = view.phase;
    stop.phase = Phase::stop;
    return etcd::answers(*node, view.phase, AnswerState::done) || etcd::answers(*node, stop, AnswerState::done);
}

std::string describe_missing(const View& view, const Names& members) {
    Names gone;
    for (const std::string& member : members) {
        if (find_node(view, member) == nullptr) gone.push_back(member);
    }
    if (gone.empty()) return fmt::format("{}", fmt::join(members, ", "));
    return fmt::format("{} (no agent answers for {})", fmt::join(members, ", "), fmt::join(gone, ", "));
}

// "polygon1: the backup was replaced", of those that have failed.
std::string describe_failures(const View& view) {
    Names failures;
    for (const std::string& member : view.plan.members) {
        if (answers(view, member, AnswerState::failed))
            failures.push_back(fmt::format("{}: {}", member, find_node(view, member)->answer->error));
    }
    return fmt::format("phase {} failed on {}", etcd::to_text(view.phase.phase), fmt::join(failures, "; "));
}

std::optional<Move> wait_for_all(const View& view) {
    const Names missing = not_done(view);
    if (missing.empty()) return std::nullopt;
    return wait_for(describe_missing(view, missing));
}

// Where the outage begins. Under a pause Patroni leaves PostgreSQL running when it ends. Who has just gone may still
// have the record of before.
Move enter_stop(const View& view) {
    if (view.cluster.is_paused)
        return go_back(view, "the cluster was paused, under which Patroni leaves PostgreSQL running when it ends");
    Names missing;
    for (const std::string& member : view.plan.members) {
        if (view.cluster.find_member(member) == nullptr && !find_node(view, member)->is_patroni_running)
            missing.push_back(member);
    }
    return missing.empty() ? enter(Phase::stop)
                           : wait_for(fmt::format("{} to be in the cluster", fmt::join(missing, ", ")));
}

Move in_stage(const View& view) {
    if (auto wait = wait_for_all(view)) return *wait;
    const bool is_copied = view.plan.replicas == etcd::ReplicaSource::staged && view.plan.mode == Mode::staged;
    return is_copied ? enter(Phase::copy) : enter_stop(view);
}

// A replica whose copy failed is cloned from the new leader later.
Move in_copy(const View& view) {
    Names missing;
    for (const std::string& member : view.plan.members) {
        const bool has_given_up = member != view.plan.leader && answers(view, member, AnswerState::failed);
        if (!has_given_up && !answers(view, member, AnswerState::done)) missing.push_back(member);
    }
    return missing.empty() ? enter_stop(view) : wait_for(describe_missing(view, missing));
}

Move in_clear(const View& view) {
    if (view.cluster.initialize != view.plan.system_identifier)
        return go_back(view, fmt::format("key initialize is '{}', not '{}' as planned",
                                         view.cluster.initialize.value_or("(absent)"), view.plan.system_identifier));
    Names running;
    for (const std::string& member : view.plan.members) {
        if (!has_stopped(view, member)) running.push_back(member);
    }
    if (!running.empty()) return wait_for(describe_missing(view, running));
    if (view.cluster.leader) return wait_for(fmt::format("the leader key of {} to go", *view.cluster.leader));
    return {.kind = Kind::clear, .phase = Phase::bootstrap};
}

Move in_bootstrap(const View& view) {
    const std::string& leader = view.plan.leader;
    if (!answers(view, leader, AnswerState::done)) return wait_for(describe_missing(view, {leader}));
    if (view.proven != view.plan.generation) return wait_for(fmt::format("{} to prove the generation", leader));
    if (view.cluster.leader != leader || view.cluster.initialize.value_or("").empty())
        return wait_for(fmt::format("{} to hold the leader key", leader));
    return enter(Phase::replicas);
}

// Patroni's key of a replica says "running" before it streams: the leader is asked as well.
Move in_replicas(const View& view) {
    if (auto wait = wait_for_all(view)) return *wait;
    Names missing;
    for (const std::string& member : view.plan.members) {
        const bool is_leader = view.cluster.leader == member;
        if (!is_running(view.cluster, member) || (!is_leader && !view.replication.streaming.contains(member)))
            missing.push_back(member);
    }
    return missing.empty() ? enter(Phase::verify) : wait_for(fmt::format("{} to stream", fmt::join(missing, ", ")));
}

Move in_verify(const View& view) {
    if (!view.verdict) return {.kind = Kind::verify, .phase = Phase::verify};
    if (view.verdict->holds) return {.kind = Kind::finish, .phase = Phase::done};
    return go_back(view, fmt::format("the new polygon is not what it has to be: {}", view.verdict->reason));
}

Move in_undo(const View& view) {
    if (auto wait = wait_for_all(view)) return *wait;
    if (view.cluster.leader) return wait_for(fmt::format("the leader key of {} to go", *view.cluster.leader));
    return {.kind = Kind::put_back, .phase = Phase::restore};
}

Move in_restore(const View& view) {
    if (auto wait = wait_for_all(view)) return *wait;
    if (!view.cluster.leader) return wait_for("a leader");
    if (view.cluster.initialize != view.plan.system_identifier)
        return wait_for(fmt::format("key initialize to be '{}' again", view.plan.system_identifier));
    Names missing;
    for (const std::string& member : view.plan.members) {
        if (!is_running(view.cluster, member)) missing.push_back(member);
    }
    if (!missing.empty()) return wait_for(fmt::format("{} to run", fmt::join(missing, ", ")));
    return {.kind = Kind::finish, .phase = Phase::rolled_back};
}

Move in_phase(const View& view) {
    switch (view.phase.phase) {
        case Phase::stage:
            return in_stage(view);
        case Phase::copy:
            return in_copy(view);
        case Phase::stop: {
            const auto wait = wait_for_all(view);
            return wait ? *wait : enter(Phase::clear);
        }
        case Phase::clear:
            return in_clear(view);
        case Phase::bootstrap:
            return in_bootstrap(view);
        case Phase::replicas:
            return in_replicas(view);
        case Phase::verify:
            return in_verify(view);
        case Phase::undo:
            return in_undo(view);
        case Phase::restore:
            return in_restore(view);
        case Phase::done:
        case Phase::rolled_back:
            break;
    }
    return {.kind = Kind::end, .phase = view.phase.phase};
}

// What was asked for, as far as it can still be done.
std::optional<Move> obey(const View& view) {
    const Phase now = view.phase.phase;
    if (view.order == Order::abort && etcd::is_before_stop(now)) return go_back(view, kAborted);
    if (view.order == Order::rollback && has_way_back(view)) return go_back(view, kRolledBackOnRequest);
    return std::nullopt;
}

// While the old cluster's keys are there. Whoever has come since the plan was made costs no outage before the stop.
bool is_before_clear(Phase phase) {
    return etcd::is_before_stop(phase) || phase == Phase::stop || phase == Phase::clear;
}

}  // namespace

Move next_move(const View& view) {
    const bool is_going_back = view.phase.phase == Phase::undo || view.phase.phase == Phase::restore;
    if (!is_going_back) {
        if (auto ordered = obey(view)) return *ordered;
    }
    if (etcd::is_terminal(view.phase.phase)) return in_phase(view);
    if (has_failed_answer(view)) {
        return is_going_back ? stuck(describe_failures(view)) : go_back(view, describe_failures(view));
    }
    const auto stranger = is_before_clear(view.phase.phase) ? find_stranger(view) : std::nullopt;
    if (stranger) return go_back(view, fmt::format("member '{}' is in the cluster and not in the plan", *stranger));
    Move move = in_phase(view);
    const bool makes_nothing_happen = move.kind == Kind::wait || move.kind == Kind::verify;
    if (!makes_nothing_happen || view.progress == Progress::moving) return move;
    std::string reason = fmt::format("nothing moved in phase {}, which waited for {}", etcd::to_text(view.phase.phase),
                                     move.reason.empty() ? "the verification" : move.reason);
    return is_going_back ? stuck(std::move(reason)) : go_back(view, std::move(reason));
}

}  // namespace polygon::rebuild
