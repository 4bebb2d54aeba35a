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

// "polygon1: restoring", of those that have not ended what the phase asks of them; their last real error, if there is
// one.
Names last_words(const View& view) {
    Names all;
    for (const std::string& member : view.plan.members) {
        const etcd::NodeRecord* node = find_node(view, member);
        if (node == nullptr || answers(view, member, AnswerState::done)) continue;
        const bool is_answer = answers(view, member, AnswerState::working);
        const std::string& words =
            is_answer && !node->answer->activity.empty() ? node->answer->activity : node->decision;
        if (!words.empty()) all.push_back(fmt::format("{}: {}", member, words));
    }
    return all;
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

// Whom each member follows is its own node's word: not Patroni's key, which says "running" before a replica streams,
// nor the leader's, which does not know those that stream from another.
Move in_replicas(const View& view) {
    if (auto wait = wait_for_all(view)) return *wait;
    const Reported polygon = reported(view);
    if (find_leader_proof(polygon) == nullptr) return wait_for(missing_leader(polygon));
    Names missing;
    bool is_only_word_missing = true;
    for (const std::string& member : view.plan.members) {
        if (view.cluster.leader == member) continue;
        const Follower follower = judge_follower(polygon, member, 0);
        if (follower.counts()) continue;
        missing.push_back(fmt::format("{} to follow ({})", member, follower.detail));
        if (follower.standing != Standing::unknown) is_only_word_missing = false;
    }
    // What cannot be seen however long one waits is a line of the certificate.
    const bool is_enough = is_only_word_missing && view.progress == Progress::stalled;
    return missing.empty() || is_enough ? enter(Phase::verify) : wait_for(fmt::format("{}", fmt::join(missing, ", ")));
}

// The leader keeps the certificate where the data is; a leader that cannot is still a verified one.
Move finish_verified(const View& view, const std::string& verified_at) {
    if (!view.certified || view.certified->verified_at != verified_at)
        return {.kind = Kind::certify, .phase = Phase::verify};
    const etcd::NodeProof* leader = find_leader_proof(reported(view));
    const bool is_kept = leader != nullptr && leader->kept_certificate == verified_at;
    if (!is_kept && !view.certified->is_overdue && view.progress == Progress::moving)
        return wait_for("the leader to keep the certificate");
    return {.kind = Kind::finish, .phase = Phase::done};
}

Move in_verify(const View& view) {
    const Judgement judgement = judge(reported(view), expected_of(view));
    const std::string refuted = refutation(judgement);
    if (!refuted.empty()) return go_back(view, fmt::format("the new polygon is not what it has to be: {}", refuted));
    const bool is_enough = judgement.is_only_word_missing && (view.progress == Progress::stalled || view.certified);
    if (!judgement.pending.empty() && !is_enough)
        return wait_for(fmt::format("{}", fmt::join(judgement.pending, ", ")));
    return finish_verified(view, judgement.certificate->verified_at);
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

Expected expected_of(const View& view) {
    return {.proven = view.proven, .members = view.plan.members};
}

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
    if (move.kind != Kind::wait || view.progress == Progress::moving) return move;
    std::string reason =
        fmt::format("nothing moved in phase {}, which waited for {}", etcd::to_text(view.phase.phase), move.reason);
    for (const std::string& words : last_words(view))
        reason += "; " + words;
    return is_going_back ? stuck(std::move(reason)) : go_back(view, std::move(reason));
}

}  // namespace polygon::rebuild
