#include "bootstrap/rebuild/coordinator/checks.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/suggestion.h"
#include "common/cli/units.h"

namespace polygon::rebuild {
namespace {

using cli::human_bytes;

Error refused(std::string message, std::string hint) {
    return {Errc::refused, std::move(message), std::move(hint)};
}

std::vector<std::string> member_names(const Survey& survey) {
    std::vector<std::string> names;
    for (const patroni::MemberKey& member : survey.cluster.members)
        names.push_back(member.name);
    return names;
}

// Production has no agents: what has one without the other is either half installed or not a polygon.
Status check_agents(const Survey& survey) {
    for (const patroni::MemberKey& member : survey.cluster.members) {
        if (survey.nodes.contains(member.name)) continue;
        return refused(
            fmt::format("member '{}' runs no agent", member.name),
            "Run Patroni under polygon-entrypoint on every node of the polygon; only such a cluster is rebuilt.");
    }
    for (const auto& [name, node] : survey.nodes) {
        if (survey.cluster.find_member(name) != nullptr) continue;
        return refused(fmt::format("node '{}' has an agent, but is no member of the cluster now", name),
                       fmt::format("Look at '{}' ({}): start its Patroni, or stop polygon-entrypoint there.", name,
                                   node.node.decision.empty() ? "it says nothing" : node.node.decision));
    }
    return {};
}

// The backup is restored beside the running polygon, or, in place, where that was.
Status check_leaders_room(const Surveyed& leader, const std::string& name, etcd::Mode mode) {
    for (const FileSystemSpace& space : leader.report->space) {
        const std::uint64_t room =
            mode == etcd::Mode::in_place ? space.free_bytes + leader.report->occupied_bytes : space.free_bytes;
        if (space.needed_bytes <= room) continue;
        return refused(
            fmt::format("'{}' has too little room for the clone at '{}': {} needed, {} free", name, space.path,
                        human_bytes(space.needed_bytes), human_bytes(space.free_bytes)),
            mode == etcd::Mode::in_place
                ? "Make room there, or name another member by --leader."
                : "Make room there, name another member by --leader, or wipe the polygon first by --in-place.");
    }
    return {};
}

// In place its own old data goes first, and only a report says how much that is.
Status check_others_room(const Survey& survey, const std::string& leader, const etcd::PlannedBackup& backup,
                         etcd::Mode mode) {
    for (const auto& [name, surveyed] : survey.nodes) {
        if (name == leader || has_room_for(surveyed, backup, mode)) continue;
        return refused(fmt::format("'{}' has too little room for its clone: {} needed, {} free", name,
                                   human_bytes(backup.bytes), human_bytes(surveyed.node.free_bytes)),
                       mode == etcd::Mode::in_place ? "Make room there."
                                                    : "Make room there, or wipe the polygon first by --in-place.");
    }
    return {};
}

Status check_versions(const Survey& survey, const std::string& leader) {
    const int wanted = survey.nodes.at(leader).node.postgres_major;
    for (const auto& [name, surveyed] : survey.nodes) {
        if (surveyed.node.postgres_major == wanted) continue;
        return refused(
            fmt::format("'{}' has PostgreSQL {}, '{}' has {}", name, surveyed.node.postgres_major, leader, wanted),
            "Install the same major version on every node of the polygon.");
    }
    return {};
}

// patroni/ha.py, bootstrap(): a member that is tagged so never does.
bool may_lead(const Survey& survey, const std::string& name) {
    const patroni::MemberKey* member = survey.cluster.find_member(name);
    return survey.nodes.contains(name) && member != nullptr && member->may_lead;
}

bool could_restore(const Surveyed& surveyed) {
    return surveyed.report && surveyed.error.empty();
}

// In place, too little room beside the old data is what is expected, and no other error.
bool is_readable(const Surveyed& surveyed, etcd::Mode mode) {
    if (!surveyed.report || surveyed.error.empty() || mode != etcd::Mode::in_place) return could_restore(surveyed);
    const auto& space = surveyed.report->space;
    return !surveyed.report->has_unplaced_tablespace &&
           std::any_of(space.begin(), space.end(),
                       [](const FileSystemSpace& of) { return of.needed_bytes > of.free_bytes; });
}

}  // namespace

bool has_room_for(const Surveyed& surveyed, const etcd::PlannedBackup& backup, etcd::Mode mode) {
    if (!surveyed.report) return mode == etcd::Mode::in_place || surveyed.node.free_bytes >= backup.bytes;
    std::uint64_t room = surveyed.node.free_bytes + surveyed.report->reclaimable_bytes;
    if (mode == etcd::Mode::in_place) room += surveyed.report->occupied_bytes;
    return room >= backup.bytes;
}

Status check_cluster(const Survey& survey) {
    if (survey.is_standby_cluster)
        return refused("the cluster is a standby cluster (standby_cluster in its configuration)",
                       "A standby cluster follows another one and cannot be a polygon: promote it first.");
    if (survey.cluster.is_paused)
        return refused("the cluster is paused, under which Patroni leaves PostgreSQL running when it ends",
                       "Run patronictl resume first.");
    TRY(check_agents(survey));
    if (!survey.cluster.leader || survey.cluster.initialize.value_or("").empty())
        return refused("the cluster has no leader", "Look at patronictl list; polygon-rebuild reset begins anew.");
    return {};
}

Result<std::string> choose_leader(const Survey& survey, const Wanted& wanted) {
    if (wanted.leader) {
        if (may_lead(survey, *wanted.leader)) return *wanted.leader;
        if (survey.nodes.contains(*wanted.leader))
            return refused(
                fmt::format("member '{}' is tagged nofailover: Patroni never bootstraps there", *wanted.leader),
                "Name another member by --leader, or take the tag out of its configuration.");
        const std::vector<std::string> names = member_names(survey);
        const auto nearest = nearest_name(*wanted.leader, names);
        return refused(fmt::format("the cluster has no member '{}', but {}", *wanted.leader, fmt::join(names, ", ")),
                       nearest ? fmt::format("Did you mean '{}'?", *nearest) : "Name one of them by --leader.");
    }
    for (const auto& [name, surveyed] : survey.nodes) {
        if (survey.cluster.leader != name && may_lead(survey, name) && is_readable(surveyed, wanted.mode)) return name;
    }
    if (survey.cluster.leader && may_lead(survey, *survey.cluster.leader)) return *survey.cluster.leader;
    return refused("no member could lead the rebuild",
                   "polygon-rebuild plan shows what each says; one that is tagged nofailover never leads.");
}

Status check_nodes(const Survey& survey, const Wanted& wanted, const std::string& leader) {
    const Surveyed& chosen = survey.nodes.at(leader);
    if (!is_readable(chosen, wanted.mode))
        return refused(fmt::format("'{}' cannot restore the backup: {}", leader, chosen.error),
                       "Mend that, or name another member by --leader; polygon-rebuild plan shows what each says.");
    TRY(check_versions(survey, leader));
    TRY(check_leaders_room(chosen, leader, wanted.mode));
    return check_others_room(survey, leader, chosen.report->backup, wanted.mode);
}

std::vector<std::string> find_warnings(const Survey& survey, const Wanted& wanted, const std::string& leader) {
    std::vector<std::string> warnings;
    const std::string& system = survey.nodes.at(leader).node.system;
    for (const auto& [name, surveyed] : survey.nodes) {
        if (surveyed.node.system != system)
            warnings.push_back(fmt::format("'{}' has {}, '{}' has {}: their collations may sort differently", name,
                                           surveyed.node.system, leader, system));
        if (!is_running(survey.cluster, name))
            warnings.push_back(
                fmt::format("'{}' is '{}' now, not running", name, survey.cluster.find_member(name)->state));
        if (name != leader && !could_restore(surveyed))
            warnings.push_back(fmt::format("'{}' could not restore the backup itself: {}", name, surveyed.error));
    }
    if (wanted.mode == etcd::Mode::in_place)
        warnings.emplace_back("the polygon is wiped first: there is no way back once it was stopped");
    return warnings;
}

Status check_newer(const std::optional<etcd::Generation>& proven, const etcd::PlannedBackup& backup) {
    const bool is_same =
        proven && !backup.label.empty() && proven->backup_label == backup.label && proven->backup_time == backup.time;
    if (!is_same) return {};
    return Error{Errc::nothing_to_do,
                 fmt::format("the polygon carries the newest backup already: '{}' of {}", backup.label, backup.time),
                 "Without --if-newer it is rebuilt from the same backup."};
}

}  // namespace polygon::rebuild
