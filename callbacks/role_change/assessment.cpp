#include "callbacks/role_change/assessment.h"

#include <fmt/format.h>

namespace polygon::role_change {
namespace {

// patroni/postgresql/__init__.py and utils.py (cluster_as_json): what a member says while it makes a new copy, rewinds,
// replays from the archive, or recovers after a start, which may take as long as it likes.
bool is_busy(const std::string& state) {
    for (const char* word : {"creating replica", "running custom", "initializing", "bootstrapping", "starting",
                             "restarting", "stopping"}) {
        if (state.starts_with(word)) return true;
    }
    return state.find("rewind") != std::string::npos;
}

Assessment wait(std::string reason) {
    return {Verdict::wait, std::move(reason)};
}

}  // namespace

Assessment assess(const MemberSeen& member, const LeaderSeen& leader) {
    if (is_busy(member.state)) return wait(member.state);
    const std::string state = member.state.empty() ? "not seen yet" : member.state;
    const bool is_foreign = member.generation && *member.generation != leader.generation;
    if (!is_foreign && member.is_streaming) return {Verdict::streams, "streaming"};
    if (!member.generation) return wait(fmt::format("{}; nobody says which generation it carries", state));
    if (!is_foreign) return wait(fmt::format("{}, of this generation, not streaming yet", state));
    const std::string reason =
        fmt::format("it carries generation '{}', the leader '{}'", *member.generation, leader.generation);
    if (leader.proven != leader.generation)
        return wait(fmt::format("{}; proven is '{}'", reason, leader.proven.value_or("none")));
    if (leader.is_rebuilding) return wait(reason + "; a rebuild is under way");
    if (member.since_asked && *member.since_asked < kAskAgainAfter) return wait("asked to reinitialise");
    if (member.foreign_for < kForeignBeforeAsked) return wait(reason + "; looking again");
    return {Verdict::reinitialise, reason};
}

}  // namespace polygon::role_change
