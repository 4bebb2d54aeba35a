#include "callbacks/role_change/assessment.h"

#include <fmt/format.h>

namespace polygon::role_change {
namespace {

// patroni/postgresql/__init__.py and utils.py (cluster_as_json): what a member says while it makes a new copy, rewinds,
// replays from the archive, or recovers after a start, which may take as long as it likes.
bool is_busy(const std::string& state) {
    for (const char* word : {"creating replica", "running custom", "initializing", "bootstrapping", "starting",
                             "restarting", "stopping", "in archive recovery"}) {
        if (state.starts_with(word)) return true;
    }
    return state.find("rewind") != std::string::npos;
}

bool is_down(const std::string& state) {
    return state.empty() || state.starts_with("stop") || state == "crashed";
}

}  // namespace

Assessment assess(const MemberSeen& member, const std::string& leader_generation) {
    if (is_busy(member.state)) return {Verdict::wait, member.state};
    const bool is_foreign = member.generation && *member.generation != leader_generation;
    if (member.is_streaming && !is_foreign) return {Verdict::streams, "streaming"};
    if (member.since_asked && *member.since_asked < kAskAgainAfter) return {Verdict::wait, "asked to reinitialise"};
    if (is_foreign) {
        return {Verdict::reinitialise,
                fmt::format("it carries generation '{}', the leader '{}'", *member.generation, leader_generation)};
    }
    if (is_down(member.state)) return {Verdict::wait, member.state.empty() ? "not seen yet" : member.state};
    const auto patience = member.generation ? kPatienceSameGeneration : kPatienceUnknown;
    if (member.watched < patience) return {Verdict::wait, fmt::format("{}, not streaming yet", member.state)};
    return {Verdict::reinitialise, fmt::format("{}, not streaming for {} s", member.state, patience.count())};
}

}  // namespace polygon::role_change
