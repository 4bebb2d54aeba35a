#include "bootstrap/rebuild/coordinator/follower.h"

#include <algorithm>

#include <fmt/format.h>

#include "bootstrap/rebuild/coordinator/view.h"

namespace polygon::rebuild {
namespace {

using etcd::lsn_text;
using etcd::NodeProof;
using etcd::ServerRole;

Follower behind(std::string detail) {
    return {.standing = Standing::behind, .detail = std::move(detail)};
}

// Its agent, and the key that its Patroni keeps alive: less than its own word, and more than nothing.
bool has_witnesses(const Reported& polygon, const std::string& member) {
    const auto node = polygon.nodes.find(member);
    const patroni::MemberKey* key = polygon.cluster.find_member(member);
    const bool carries = node == polygon.nodes.end() || node->second.generation == polygon.generation;
    const NodeProof* leader = find_leader_proof(polygon);
    return carries && key != nullptr && is_running(polygon.cluster, member) && leader != nullptr &&
           key->timeline == leader->timeline;
}

Follower without_proof(const Reported& polygon, const std::string& member, std::string why) {
    if (!has_witnesses(polygon, member)) return behind(std::move(why));
    return {.standing = Standing::unknown,
            .detail = fmt::format("{}; Patroni says that it runs on the leader's timeline", why)};
}

std::string describe_source(const Reported& polygon, const NodeProof& proof) {
    for (const patroni::MemberKey& member : polygon.cluster.members) {
        const std::size_t at = member.conn_url.find("://" + proof.upstream + "/");
        if (!proof.upstream.empty() && at != std::string::npos) return member.name;
    }
    return proof.upstream.empty() ? "an unknown server" : proof.upstream;
}

// What it has of the leader's WAL.
Follower judge_position(const Reported& polygon, const patroni::MemberKey& key, const NodeProof& proof,
                        std::uint64_t target) {
    const std::string from = proof.receiver.empty()
                                 ? "no WAL receiver runs"
                                 : fmt::format("{} from {}", proof.receiver, describe_source(polygon, proof));
    const std::string where = fmt::format("{}, timeline {}", from, proof.timeline);
    if (target == 0 && proof.receiver == "streaming") return {.standing = Standing::follows, .detail = where};
    const std::uint64_t wanted = target == 0 ? find_leader_proof(polygon)->current_lsn : target;
    if (proof.received_lsn >= wanted && (proof.replayed_lsn >= wanted || proof.is_replay_held)) {
        return {.standing = Standing::follows,
                .detail = fmt::format("{}, received the leader's row ({}){}", where, lsn_text(wanted),
                                      proof.replayed_lsn >= wanted ? " and replayed it" : "; its replay is held back")};
    }
    if (proof.receiver.empty() && !key.is_streaming_wanted) {
        return {.standing = Standing::unseen,
                .detail = fmt::format("tagged nostream: it follows by the archive, and has replayed up to {}",
                                      lsn_text(proof.replayed_lsn))};
    }
    return behind(fmt::format("{}, received up to {} and replayed up to {} of {}", where, lsn_text(proof.received_lsn),
                              lsn_text(proof.replayed_lsn), lsn_text(wanted)));
}

}  // namespace

const NodeProof* find_proof(const Reported& polygon, const std::string& member) {
    const auto node = polygon.nodes.find(member);
    if (node == polygon.nodes.end() || !node->second.proof) return nullptr;
    return node->second.proof->id == polygon.proof_id ? &*node->second.proof : nullptr;
}

const NodeProof* find_leader_proof(const Reported& polygon) {
    if (!polygon.cluster.leader) return nullptr;
    const NodeProof* proof = find_proof(polygon, *polygon.cluster.leader);
    const bool is_it =
        proof != nullptr && proof->role == ServerRole::primary && proof->generation == polygon.generation;
    return is_it ? proof : nullptr;
}

std::string missing_leader(const Reported& polygon) {
    if (!polygon.cluster.leader) return "a leader";
    const std::string& name = *polygon.cluster.leader;
    const NodeProof* proof = find_proof(polygon, name);
    if (proof == nullptr)
        return fmt::format("the leader {} to say what it is ({})", name,
                           polygon.nodes.contains(name) ? "its agent has not answered" : "it has no agent");
    if (proof->role == ServerRole::unknown) return fmt::format("the leader {} to be seen ({})", name, proof->error);
    if (proof->role == ServerRole::standby) return fmt::format("the leader {} to leave recovery", name);
    return fmt::format("the leader {} to carry generation {}; it carries '{}'", name, polygon.generation,
                       proof->generation);
}

Follower judge_follower(const Reported& polygon, const std::string& member, std::uint64_t target) {
    const patroni::MemberKey* key = polygon.cluster.find_member(member);
    if (key == nullptr) return behind("it is not in the cluster");
    const NodeProof* leader = find_leader_proof(polygon);
    const NodeProof* proof = find_proof(polygon, member);
    if (leader == nullptr) return behind("nothing is known of the leader");
    if (!polygon.nodes.contains(member)) return without_proof(polygon, member, "no agent answers for it");
    if (proof == nullptr) return without_proof(polygon, member, "its agent has not said whom it follows");
    if (proof->role == ServerRole::unknown) return without_proof(polygon, member, proof->error);
    if (proof->generation != polygon.generation)
        return behind(
            fmt::format("it carries generation '{}', the polygon '{}'", proof->generation, polygon.generation));
    if (proof->role == ServerRole::primary) return behind("it is a primary itself");
    if (proof->system_identifier != leader->system_identifier)
        return behind(fmt::format("its system identifier is {}, the leader's {}", proof->system_identifier,
                                  leader->system_identifier));
    if (!proof->is_visible)
        return {.standing = Standing::unseen,
                .detail = "hot_standby is off: it admits no session until it is promoted"};
    // By the archive alone: pg_control has the timeline that it replays only from its next restart point on.
    const bool is_by_archive = proof->receiver.empty() && !key->is_streaming_wanted;
    if (proof->timeline != leader->timeline && !(is_by_archive && proof->timeline < leader->timeline))
        return behind(fmt::format("it is on timeline {}, the leader on {}", proof->timeline, leader->timeline));
    return judge_position(polygon, *key, *proof, target);
}

}  // namespace polygon::rebuild
