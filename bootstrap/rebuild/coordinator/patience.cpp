#include "bootstrap/rebuild/coordinator/patience.h"

#include <fmt/format.h>

namespace polygon::rebuild {
namespace {

using etcd::Phase;

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
    return text;
}

}  // namespace

std::string fingerprint(const View& view) {
    std::string text = fmt::format("{}|{}|{}|{}|{}|{}\n", etcd::to_text(view.phase.phase), view.phase.attempt,
                                   view.cluster.leader.value_or(""), view.cluster.initialize.value_or("(absent)"),
                                   view.proven.value_or(""), view.replication.cloned_bytes);
    for (const std::string& member : view.replication.streaming)
        text += member + " streams\n";
    for (const patroni::MemberKey& member : view.cluster.members)
        text += fmt::format("{}|{}|{}\n", member.name, member.state, member.role);
    for (const auto& [name, node] : view.nodes)
        text += of_node(view, name, node) + "\n";
    return text;
}

Progress Patience::observe(const View& view) {
    std::string now = fingerprint(view);
    if (now != seen_) {
        seen_ = std::move(now);
        last_ = clock_.now();
    }
    return clock_.now() - last_ >= limit_ ? Progress::stalled : Progress::moving;
}

}  // namespace polygon::rebuild
