#include "bootstrap/rebuild/coordinator/patience.h"

#include <algorithm>

#include <fmt/format.h>

namespace polygon::rebuild {
namespace {

using etcd::AnswerState;
using etcd::Phase;

bool answers(const View& view, const std::string& member, AnswerState state) {
    const etcd::NodeRecord* node = find_node(view, member);
    return node != nullptr && etcd::answers(*node, view.phase, state);
}

// While the clone is made its agent's helper may say nothing for long, as in masking; it has a deadline of its own, and
// the record is there as long as the agent lives.
bool all_are_at_work(const View& view) {
    const auto& members = view.plan.members;
    const auto is_at_work = [&](const std::string& member) { return answers(view, member, AnswerState::working); };
    return etcd::is_before_stop(view.phase.phase) && std::any_of(members.begin(), members.end(), is_at_work) &&
           std::all_of(members.begin(), members.end(), [&](const std::string& member) {
               return is_at_work(member) || answers(view, member, AnswerState::done) ||
                      answers(view, member, AnswerState::failed);
           });
}

// In place the leader restores within Patroni's custom bootstrap, whose state this is (patroni/postgresql/bootstrap.py,
// _custom_bootstrap); the program that it runs has its own deadlines.
bool bootstraps_in_place(const View& view) {
    const patroni::MemberKey* leader = view.cluster.find_member(view.plan.leader);
    return view.plan.mode == etcd::Mode::in_place && view.phase.phase == Phase::bootstrap && leader != nullptr &&
           leader->state == "running custom bootstrap script";
}

// A shutdown checkpoint writes all that is in memory, for many minutes on slow disks. Its agent lives, and sees the
// postmaster that was told to stop.
bool shuts_down(const View& view) {
    return std::any_of(view.plan.members.begin(), view.plan.members.end(), [&](const std::string& member) {
        const etcd::NodeRecord* node = find_node(view, member);
        return node != nullptr && node->shuts_down;
    });
}

// A leader's position grows by what testers write, and says nothing; a replica's, until it follows, is its progress.
std::string of_proof(const View& view, const std::string& name) {
    const bool is_asked = view.phase.phase == etcd::Phase::replicas || view.phase.phase == etcd::Phase::verify;
    const Reported polygon = reported(view);
    const etcd::NodeProof* proof = is_asked ? find_proof(polygon, name) : nullptr;
    if (proof == nullptr) return "";
    std::string text =
        fmt::format("|{}|{}|{}|{}|{}|{}|{}", static_cast<int>(proof->role), proof->generation, proof->timeline,
                    proof->receiver, proof->cloned_bytes, proof->evidence.empty(), proof->kept_certificate);
    // Each look that still finds one is news: a spread checkpoint may take most of checkpoint_timeout.
    if (proof->waiting_backups > 0) text += "|" + proof->taken_at;
    if (view.cluster.leader == name) return text;
    const std::uint64_t target = view.phase.phase == etcd::Phase::verify && find_leader_proof(polygon) != nullptr
                                     ? find_leader_proof(polygon)->stamped_lsn
                                     : 0;
    if (!judge_follower(polygon, name, target).counts())
        text += fmt::format("|{}|{}", proof->received_lsn, proof->replayed_lsn);
    return text;
}

std::string of_node(const View& view, const std::string& name, const etcd::NodeRecord& node) {
    std::string text =
        fmt::format("{}|{}|{}|{}|{}", name, node.is_patroni_running, node.generation, node.previous_for, node.address);
    if (node.answer) {
        const etcd::Answer& answer = *node.answer;
        text += fmt::format("|{}|{}|{}|{}|{}|{}|{}", answer.generation, etcd::to_text(answer.phase), answer.attempt,
                            static_cast<int>(answer.state), answer.activity, answer.bytes_done, answer.bytes_total);
    }
    const bool is_filled_by_patroni = view.phase.phase == Phase::bootstrap || view.phase.phase == Phase::replicas;
    if (is_filled_by_patroni && !is_running(view.cluster, name)) text += fmt::format("|{}", node.used_bytes);
    return text + of_proof(view, name);
}

}  // namespace

std::string fingerprint(const View& view) {
    std::string text = fmt::format("{}|{}|{}|{}|{}|{}\n", etcd::to_text(view.phase.phase), view.phase.attempt,
                                   view.cluster.leader.value_or(""), view.cluster.initialize.value_or("(absent)"),
                                   view.proven.value_or(""), view.certified ? view.certified->verified_at : "");
    for (const patroni::MemberKey& member : view.cluster.members)
        text += fmt::format("{}|{}|{}\n", member.name, member.state, member.role);
    for (const auto& [name, node] : view.nodes)
        text += of_node(view, name, node) + "\n";
    return text;
}

Progress Patience::observe(const View& view) {
    std::string now = fingerprint(view);
    if (now != seen_ || all_are_at_work(view) || bootstraps_in_place(view) || shuts_down(view)) last_ = clock_.now();
    seen_ = std::move(now);
    return clock_.now() - last_ >= limit_ ? Progress::stalled : Progress::moving;
}

}  // namespace polygon::rebuild
