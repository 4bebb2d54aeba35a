#include "bootstrap/rebuild/coordinator/view.h"

#include <algorithm>

namespace polygon::rebuild {

using etcd::AnswerState;
using etcd::Mode;
using etcd::Phase;

const etcd::NodeRecord* find_node(const View& view, const std::string& member) {
    const auto found = view.nodes.find(member);
    return found == view.nodes.end() ? nullptr : &found->second;
}

Reported reported(const View& view) {
    return {.cluster = view.cluster,
            .nodes = view.nodes,
            .generation = view.plan.generation,
            .proof_id = etcd::proof_id(view.phase)};
}

// Patroni has "running" in the key of a replica that streams, too; from 4.0 on one that streams or follows by the
// archive has a state of its own (patroni/ha.py, touch_member).
bool is_running(const patroni::ClusterKeys& cluster, const std::string& member) {
    const patroni::MemberKey* key = cluster.find_member(member);
    return key != nullptr &&
           (key->state == "running" || key->state == "streaming" || key->state == "in archive recovery");
}

std::optional<std::string> find_stranger(const View& view) {
    for (const patroni::MemberKey& member : view.cluster.members) {
        if (!etcd::names_member(view.plan, member.name)) return member.name;
    }
    return std::nullopt;
}

bool has_way_back(const View& view) {
    switch (view.phase.phase) {
        case Phase::rolled_back:
            return false;
        case Phase::bootstrap:
        case Phase::replicas:
        case Phase::verify:
            return view.plan.mode == Mode::staged;
        case Phase::done:
            return view.plan.mode == Mode::staged &&
                   std::all_of(view.plan.members.begin(), view.plan.members.end(), [&](const std::string& member) {
                       const etcd::NodeRecord* node = find_node(view, member);
                       return node != nullptr && node->previous_for == view.plan.generation;
                   });
        default:
            return true;
    }
}

bool has_failed_answer(const View& view) {
    return std::any_of(view.plan.members.begin(), view.plan.members.end(), [&](const std::string& member) {
        const etcd::NodeRecord* node = find_node(view, member);
        const bool may_fail = view.phase.phase == Phase::copy && member != view.plan.leader;
        return node != nullptr && !may_fail && etcd::answers(*node, view.phase, AnswerState::failed);
    });
}

}  // namespace polygon::rebuild
