#include "bootstrap/entrypoint/agent/seen.h"

#include <algorithm>

namespace polygon::entrypoint {

using etcd::AnswerState;

Attempt attempt_of(const etcd::PhaseRecord& phase) {
    return {phase.generation, phase.phase, phase.attempt};
}

namespace {

// Whether the primary of before the rebuild may be this member. A clone of the new generation says nothing of what it
// was: that is in D.previous.
bool may_be_old_primary(const etcd::NodeRecord& record, const etcd::Plan& plan) {
    if (record.previous_for == plan.generation) return true;
    return record.was_primary && record.generation != plan.generation;
}

}  // namespace

OthersSeen look_at_others(const std::vector<etcd::NodeRecord>& records, const std::optional<std::string>& holder,
                          const etcd::Plan& plan, const etcd::PhaseRecord& phase, const std::string& member) {
    const auto find = [&](const std::string& name) -> const etcd::NodeRecord* {
        const auto found =
            std::find_if(records.begin(), records.end(), [&](const auto& record) { return record.name == name; });
        return found == records.end() ? nullptr : &*found;
    };
    OthersSeen seen{.have_stopped = true, .have_copied = true, .holder = holder};
    const etcd::NodeRecord* back = holder ? find(*holder) : nullptr;
    seen.is_holder_back = back != nullptr && etcd::answers(*back, phase, AnswerState::done);
    for (const std::string& name : plan.members) {
        if (name == member) continue;
        const etcd::NodeRecord* record = find(name);
        const bool is_done = record != nullptr && etcd::answers(*record, phase, AnswerState::done);
        const bool has_failed = record != nullptr && etcd::answers(*record, phase, AnswerState::failed);
        if (record != nullptr && !has_failed && may_be_old_primary(*record, plan)) seen.may_primary_return = true;
        if (!is_done) seen.have_stopped = false;
        if (!is_done && !has_failed) seen.have_copied = false;
        if (name != plan.leader) continue;
        seen.has_source_ended = is_done || has_failed;
        if (record != nullptr && etcd::answers(*record, phase, AnswerState::working)) seen.source = record->address;
    }
    return seen;
}

}  // namespace polygon::entrypoint
