#include "bootstrap/rebuild/coordinator/rehearsal.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::rebuild {
namespace {

using etcd::Login;

enum class Need { required, useful };

// patroni/dcs, get_clone_member(): a replica clones the leader unless a member is tagged clonefrom.
bool clones_leader(const Survey& survey, const std::string& member, const Wanted& wanted) {
    if (wanted.replicas == etcd::ReplicaSource::staged && wanted.mode == etcd::Mode::staged) return false;
    return std::none_of(survey.cluster.members.begin(), survey.cluster.members.end(),
                        [&](const patroni::MemberKey& other) { return other.is_clone_source && other.name != member; });
}

// Whose servers have to let this member in. Both leaders: the one that is to be has other access rules than the one
// that is, perhaps; and the one that is has the roles and their passwords.
std::set<std::string> required_servers(const Survey& survey, const std::string& member, const Wanted& wanted,
                                       const std::string& leader) {
    const patroni::MemberKey* key = survey.cluster.find_member(member);
    const bool cascades = key != nullptr && survey.cluster.find_member(key->replicates_from) != nullptr;
    if (cascades && !clones_leader(survey, member, wanted)) return {key->replicates_from};
    std::set<std::string> servers = {leader, survey.cluster.leader.value_or(leader)};
    if (cascades) servers.insert(key->replicates_from);
    servers.erase(member);  // nobody streams from itself
    return servers;
}

// A server that is down says nothing of its rules; the one that leads is up, and out of reach then.
Need need_of(const Survey& survey, const Login& login, const std::set<std::string>& servers) {
    if (login.role != "superuser" && !servers.contains(login.member)) return Need::useful;
    const bool is_out_of_reach = !login.is_full && login.role != "superuser" && login.member == survey.cluster.leader;
    return login.is_refused || is_out_of_reach ? Need::required : Need::useful;
}

std::string describe(const std::string& node, const Login& login) {
    const std::string who = login.user.empty() ? login.role : fmt::format("{} ('{}')", login.role, login.user);
    const std::string where =
        login.role == "superuser" ? login.address : fmt::format("{} ({})", login.member, login.address);
    return fmt::format("'{}' cannot log in as {} at {}: {}", node, who, where, login.error);
}

template <class Visit>
void visit_failures(const Survey& survey, const Wanted& wanted, const std::string& leader, Visit&& visit) {
    for (const auto& [name, surveyed] : survey.nodes) {
        if (!surveyed.proof) continue;
        const auto servers = required_servers(survey, name, wanted, leader);
        for (const Login& login : surveyed.proof->logins) {
            if (!login.error.empty()) visit(name, login, need_of(survey, login, servers));
        }
    }
}

// Why the helper there could not even try.
std::string last_words(const etcd::NodeRecord& node) {
    return node.proof && !node.proof->error.empty() ? ": " + node.proof->error : "";
}

std::string hint_of(const std::vector<std::string>& lines) {
    if (lines.empty())
        return "Mend that first: the new polygon needs the same logins. polygon-rebuild plan asks again.";
    return fmt::format("Add to postgresql.pg_hba in Patroni's configuration: {}", fmt::join(lines, "; "));
}

}  // namespace

Status check_rehearsal(const Survey& survey, const Wanted& wanted, const std::string& leader) {
    for (const auto& [name, surveyed] : survey.nodes) {
        if (!surveyed.proof)
            return Error{Errc::refused,
                         fmt::format("'{}' did not say which logins work there{}", name, last_words(surveyed.node)),
                         "Run this version of pg-polygon on every node; its log says what else is wrong."};
        if (!surveyed.proof->access.empty())
            return Error{Errc::refused, fmt::format("'{}': {}", name, surveyed.proof->access),
                         "Set postgresql.pg_hba and pg_ident in Patroni's configuration, with the lines in force now."};
    }
    std::vector<std::string> refused;
    std::vector<std::string> lines;
    visit_failures(survey, wanted, leader, [&](const std::string& name, const Login& login, Need need) {
        if (need != Need::required) return;
        refused.push_back(describe(name, login));
        if (login.hba_line.empty()) return;
        const std::string line = fmt::format("{} (on {})", login.hba_line, login.member);
        if (std::find(lines.begin(), lines.end(), line) == lines.end()) lines.push_back(line);
    });
    if (refused.empty()) return {};
    return Error{Errc::refused, fmt::format("{}", fmt::join(refused, "; ")), hint_of(lines)};
}

std::vector<std::string> rehearsal_warnings(const Survey& survey, const Wanted& wanted, const std::string& leader) {
    std::vector<std::string> warnings;
    visit_failures(survey, wanted, leader, [&](const std::string& name, const Login& login, Need need) {
        if (need == Need::useful) warnings.push_back(describe(name, login));
    });
    for (const auto& [name, surveyed] : survey.nodes) {
        if (!surveyed.proof) continue;
        if (!surveyed.proof->error.empty() && surveyed.proof->role != etcd::ServerRole::unknown)
            warnings.push_back(fmt::format("'{}': {}", name, surveyed.proof->error));
        if (!surveyed.proof->is_visible)
            warnings.push_back(fmt::format("'{}' has hot_standby off: nothing of it can be seen from within", name));
    }
    return warnings;
}

}  // namespace polygon::rebuild
