// What Patroni keeps in the DCS, parsed. Pure: who reads the keys is the caller's business.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace polygon::patroni {

// A key relative to /<namespace>/<scope>/ ("members/node1") and its value.
using RelativeKey = std::pair<std::string, std::string>;

struct MemberKey {
    std::string name;
    std::string api_url;  // these are empty or absent if the member did not say, or its value is not JSON
    std::string conn_url;
    std::string state;
    std::string role;
    std::string version;   // Patroni's
    bool may_lead = true;  // false: tagged nofailover, under which Patroni neither bootstraps nor is promoted
    bool is_streaming_wanted = true;  // false: tagged nostream; it follows by the archive alone
    bool is_clone_source = false;     // tagged clonefrom: replicas clone it rather than the leader
    std::string replicates_from;      // tagged replicatefrom: the member that it streams from; empty: the leader
    std::optional<std::uint32_t> timeline;
    std::optional<std::uint64_t> xlog_location;
};

struct ClusterKeys {
    std::optional<std::string> initialize;  // the system identifier; "" while someone bootstraps
    std::optional<std::string> leader;      // the name of the member that holds the leader key
    std::vector<MemberKey> members;         // sorted by name
    bool has_config = false;
    bool is_paused = false;
    std::chrono::seconds ttl{30};
    std::chrono::seconds loop_wait{10};
    std::vector<std::string> other_keys;  // what else is there: "history", "status", "sync", ...

    const MemberKey* find_member(const std::string& name) const;
};

ClusterKeys parse_cluster(const std::vector<RelativeKey>& keys);

}  // namespace polygon::patroni
