// What pg-polygon itself keeps in etcd, under /<namespace>/<scope>.polygon/: names of the keys, and their values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"

namespace polygon::etcd {

// The rebuild that was asked for last: who is to lead it. Guards and polygon-bootstrap go by it until a Generation of
// the same name says that it is done.
struct Plan {
    std::string generation;
    std::string leader;
    std::string requested_at;       // UTC
    std::string system_identifier;  // of the cluster that it replaces; may be empty
};

// The generation that a leader has proven last.
struct Generation {
    std::string generation;
    std::string leader;
    std::string system_identifier;
    std::string proven_at;  // UTC
};

std::string to_json(const Plan& plan);
std::string to_json(const Generation& generation);
// Errc::conflict naming the key if it holds something else.
Result<Plan> parse_plan(const std::string& text);
Result<Generation> parse_generation(const std::string& text);

class RebuildKeys {
  public:
    // `cluster_prefix` is Patroni's own: "/service/main/".
    explicit RebuildKeys(std::string_view cluster_prefix);

    const std::string& prefix() const { return prefix_; }
    std::string plan() const { return prefix_ + "plan"; }
    std::string generation() const { return prefix_ + "generation"; }
    std::string certificate() const { return prefix_ + "certificate"; }
    // Where a deleted key of the cluster is kept, by the generation that replaced it.
    std::string saved(const std::string& generation, const std::string& relative_key) const {
        return prefix_ + "saved/" + generation + "/" + relative_key;
    }

  private:
    std::string prefix_;
};

// "20261120T030000Z-7f3a": sorts by time.
std::string make_generation_name(std::string_view utc_time, std::uint32_t salt);

}  // namespace polygon::etcd
