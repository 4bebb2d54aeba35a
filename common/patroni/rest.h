// Patroni's REST API, as a client. `api_url` is what a member's key says ("http://10.0.0.1:8008/patroni") or just the
// base of it: the path is replaced.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/http/client.h"

namespace polygon::patroni {

struct RestSettings {
    std::optional<http::BasicAuth> auth;
    http::Tls tls;
};

struct MemberView {
    std::string name;
    std::string role;   // "leader", "standby_leader", "sync_standby", "replica", ...
    std::string state;  // "running", "streaming", "creating replica", "stopped", ...
    std::string api_url;
    std::string host;  // empty: not known
    std::optional<int> port;
    std::optional<std::uint32_t> timeline;
    std::optional<std::int64_t> lag_bytes;  // nothing for a leader and for "unknown"
};

struct ClusterView {
    std::vector<MemberView> members;
};

struct NodeView {
    std::string state;
    std::string role;                   // Patroni 3 says "master" where Patroni 4 says "primary"
    std::optional<int> server_version;  // 150004; nothing while PostgreSQL is not running
    std::optional<std::uint32_t> timeline;
    std::string database_system_identifier;  // empty: not known
    std::string scope;
    std::string patroni_version;
    std::string replication_state;  // of a replica, "streaming" …; empty before Patroni 3.1, or if it receives nothing
    std::vector<std::string> streaming_to;  // application names in its pg_stat_replication that stream
};

// What to do if the member is already at something, such as an earlier clone.
enum class RunningTask { leave, cancel };

struct ReinitializeOptions {
    RunningTask running_task = RunningTask::leave;
};

// Errors: Errc::http_unavailable if nothing answers, Errc::rest_refused with Patroni's own text if it says no or what
// it says makes no sense.
class RestClient {
  public:
    explicit RestClient(RestSettings settings);

    // GET /cluster.
    Result<ClusterView> read_cluster(const std::string& api_url);
    // GET /patroni; a 503 carries a body as well and is no error.
    Result<NodeView> read_node(const std::string& api_url);
    // POST /reinitialize: the member wipes its data directory and clones the leader. Success means it has begun.
    Status reinitialize(const std::string& api_url, const ReinitializeOptions& options);
    // Has Patroni look at its cluster now instead of after up to loop_wait, by a PATCH /config that changes nothing
    // (patroni/api.py, do_PATCH_config).
    Status wake(const std::string& api_url);

  private:
    Result<http::Response> send(http::Method method, const std::string& api_url, const std::string& path,
                                const std::string& body);

    RestSettings settings_;
    http::Client http_;
};

}  // namespace polygon::patroni
