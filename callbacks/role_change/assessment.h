// What to do about one member, from what is seen of it. A pure function.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace polygon::role_change {

struct MemberSeen {
    std::string state;                      // Patroni's word: "running", "streaming", "creating replica", "stopped" …
    bool is_streaming = false;              // the leader's pg_stat_replication has it, or its own receiver says so
    std::optional<std::string> generation;  // of its data, asked of its own PostgreSQL; none: it did not answer
    std::chrono::milliseconds watched{0};   // since this callback first saw it
    std::optional<std::chrono::milliseconds> since_asked;  // since it was last asked to reinitialise
};

enum class Verdict { streams, wait, reinitialise };

struct Assessment {
    Verdict verdict = Verdict::wait;
    std::string reason;
};

// A member of another generation is asked at once, even if it seems to stream: under `system_identifier: keep` a stale
// replica follows a diverged history. One of the same generation gets a minute to catch up or rewind by itself, as
// after any failover; one that does not say gets half of that.
Assessment assess(const MemberSeen& member, const std::string& leader_generation);

inline constexpr std::chrono::seconds kPatienceSameGeneration{60};
inline constexpr std::chrono::seconds kPatienceUnknown{30};
inline constexpr std::chrono::seconds kAskAgainAfter{30};

}  // namespace polygon::role_change
