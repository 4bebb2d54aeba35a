// Whether a member belongs to a generation, by what its node proves of itself: pure functions.
#pragma once

#include <cstdint>
#include <map>
#include <string>

#include "common/etcd/rebuild_state.h"
#include "common/patroni/cluster.h"

namespace polygon::rebuild {

// A polygon as its nodes report it.
struct Reported {
    const patroni::ClusterKeys& cluster;
    const std::map<std::string, etcd::NodeRecord>& nodes;  // of agents that live, by member
    std::string generation;                                // that it should carry
    std::string proof_id;                                  // what was asked
};

// What the member's node has proven when it was asked; null if it has not answered.
const etcd::NodeProof* find_proof(const Reported& polygon, const std::string& member);
// Of the member that holds the leader key, if it is a primary of the generation; else null.
const etcd::NodeProof* find_leader_proof(const Reported& polygon);

enum class Standing {
    follows,
    unseen,   // a standby of this generation of which no more can be known; `detail` says why
    unknown,  // its node says nothing that counts, but Patroni and its files speak for it
    behind    // it does not follow yet, or follows something else
};

struct Follower {
    Standing standing = Standing::behind;
    std::string detail;

    bool counts() const { return standing == Standing::follows || standing == Standing::unseen; }
};

// One that is not the leader, whomever it streams from. It has to have received the leader's WAL up to `target`, and,
// unless its replay is held back, to have replayed it; 0: that it streams is enough.
Follower judge_follower(const Reported& polygon, const std::string& member, std::uint64_t target);

// Why the leader's node has proven nothing yet; in words.
std::string missing_leader(const Reported& polygon);

}  // namespace polygon::rebuild
