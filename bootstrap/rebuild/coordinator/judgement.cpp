#include "bootstrap/rebuild/coordinator/judgement.h"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::rebuild {
namespace {

using sanitize::Certificate;
using sanitize::Check;
using sanitize::Weight;

constexpr const char* kReplica = "replica ";
constexpr const char* kMembers = "members";
constexpr const char* kLogin = " login";

Check check_generation(const postgres::GenerationMarker& marker, const std::optional<std::string>& proven) {
    Check check{"generation", proven == marker.generation,
                fmt::format("{}, from backup {} of {}", marker.generation, marker.backup_label, marker.backup_time)};
    if (!check.holds) check.detail += fmt::format("; etcd says {}", proven.value_or("none"));
    return check;
}

Check check_members(const patroni::ClusterKeys& cluster, const std::vector<std::string>& expected) {
    std::vector<std::string> missing;
    for (const std::string& member : expected) {
        if (cluster.find_member(member) == nullptr) missing.push_back(member);
    }
    return {kMembers, missing.empty(),
            missing.empty() ? fmt::format("{}, none missing", cluster.members.size())
                            : fmt::format("missing since the rebuild: {}", fmt::join(missing, ", "))};
}

// From each node to the leader, which any replica may have to stream from or to rewind by.
std::optional<Check> check_logins(const Reported& polygon, const std::string& role) {
    std::vector<std::string> refused;
    std::string user;
    std::size_t tried = 0;
    bool are_all_refused = true;
    for (const patroni::MemberKey& member : polygon.cluster.members) {
        const etcd::NodeProof* proof = find_proof(polygon, member.name);
        if (proof == nullptr) continue;
        for (const etcd::Login& login : proof->logins) {
            if (login.role != role || login.member != polygon.cluster.leader) continue;
            ++tried;
            user = login.user;
            if (login.is_full) are_all_refused = false;  // it says nothing of who is let in
            if (!login.error.empty()) refused.push_back(fmt::format("from {}: {}", member.name, login.error));
        }
    }
    if (tried == 0) return std::nullopt;
    // A member that follows has shown what it needs; one that streams from another may be kept out here on purpose.
    are_all_refused = are_all_refused && refused.size() == tried;
    return Check{role + kLogin, refused.empty(),
                 refused.empty() ? fmt::format("{}, from {} nodes", user.empty() ? "the default user" : user, tried)
                                 : fmt::format("{}", fmt::join(refused, "; ")),
                 are_all_refused ? Weight::required : Weight::advisory};
}

Check check_replica(const std::string& member, const Follower& follower) {
    Check check{kReplica + member, follower.standing == Standing::follows, follower.detail};
    if (follower.standing == Standing::unseen || follower.standing == Standing::unknown)
        check.weight = Weight::advisory;
    return check;
}

// A replica catches up, and a login is tried again; what the leader's data says of itself stays.
bool may_still_hold(const Check& check) {
    return check.name == kMembers || check.name.starts_with(kReplica) || check.name.ends_with(kLogin);
}

// Of all that the certificate says of members, what may still become true.
void add_members(Judgement& judgement, const Reported& polygon, const Expected& expected, std::uint64_t target) {
    bool is_only_word_missing = judgement.pending.empty();
    judgement.certificate->checks.push_back(check_members(polygon.cluster, expected.members));
    for (const std::string& member : expected.members) {
        if (polygon.cluster.find_member(member) != nullptr) continue;
        judgement.pending.push_back(member + " to be in the cluster");
        is_only_word_missing = false;
    }
    for (const patroni::MemberKey& member : polygon.cluster.members) {
        if (member.name == polygon.cluster.leader) continue;
        const Follower follower = judge_follower(polygon, member.name, target);
        judgement.certificate->checks.push_back(check_replica(member.name, follower));
        if (follower.counts()) continue;
        judgement.pending.push_back(fmt::format("{} to follow ({})", member.name, follower.detail));
        if (follower.standing != Standing::unknown) is_only_word_missing = false;
    }
    judgement.is_only_word_missing = is_only_word_missing && !judgement.pending.empty();
}

}  // namespace

Judgement judge(const Reported& polygon, const Expected& expected) {
    Judgement judgement;
    const etcd::NodeProof* leader = find_leader_proof(polygon);
    if (leader == nullptr) {
        judgement.pending.push_back(missing_leader(polygon));
        return judgement;
    }
    auto evidence = leader->evidence.empty() ? Result<Certificate>(Error{Errc::not_proven, leader->error, ""})
                                             : sanitize::parse_certificate(leader->evidence);
    if (!evidence) {
        const std::string& why = evidence.error().message;
        judgement.pending.push_back(fmt::format("the evidence of the leader {}{}", *polygon.cluster.leader,
                                                why.empty() ? "" : fmt::format(" ({})", why)));
        return judgement;
    }
    judgement.certificate = *std::move(evidence);
    auto& checks = judgement.certificate->checks;
    checks.insert(checks.begin(), check_generation(judgement.certificate->marker, expected.proven));
    for (const char* role : {"replication", "rewind"}) {
        auto check = check_logins(polygon, role);
        if (!check) continue;
        if (!check->holds && check->weight == Weight::required)
            judgement.pending.push_back(fmt::format("a {} that is let in ({})", check->name, check->detail));
        checks.push_back(*std::move(check));
    }
    add_members(judgement, polygon, expected, leader->stamped_lsn);
    return judgement;
}

std::string refutation(const Judgement& judgement) {
    if (!judgement.certificate) return "";
    std::vector<Check> checks = judgement.certificate->checks;
    std::erase_if(checks, may_still_hold);
    const Status all = sanitize::require_all(checks);
    return all ? "" : all.error().message;
}

}  // namespace polygon::rebuild
