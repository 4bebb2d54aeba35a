// What to do about one member, from what is seen of it and of this leader. A pure function.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace polygon::role_change {

struct LeaderSeen {
    std::string generation;             // of its own data
    std::optional<std::string> proven;  // etcd's key `generation`; none: nothing is proven
    bool is_rebuilding = false;         // a rebuild is under way: the nodes' agents replace what has to be replaced
};

struct MemberSeen {
    std::string state;          // Patroni's word: "running", "streaming", "creating replica", "stopped" …
    bool is_streaming = false;  // from any member, by what that one, itself or Patroni says
    // Of its data, as its own agent says, or where it has none its own PostgreSQL. None: nobody says, which is no
    // reason for anything: its login may have failed, or polygon.json be unreadable.
    std::optional<std::string> generation;
    std::chrono::milliseconds foreign_for{0};  // it has been seen, without a break, with this other generation
    std::optional<std::chrono::milliseconds> since_asked;  // since it was last asked to reinitialise
};

enum class Verdict { streams, wait, reinitialise };

struct Assessment {
    Verdict verdict = Verdict::wait;
    std::string reason;
};

// Only a member that is known to carry another generation is asked, and only by a leader whose own is the proven one.
// That holds if it seems to stream, too: under `system_identifier: keep` a stale replica follows a diverged history.
// How long a member takes, whether it can be logged in to and whom it follows is no reason.
Assessment assess(const MemberSeen& member, const LeaderSeen& leader);

// An agent's record may be as old as its lease (15 s) and its looks at the disk (5 s): what has just been cloned still
// has the generation before in it.
inline constexpr std::chrono::seconds kForeignBeforeAsked{25};
inline constexpr std::chrono::seconds kAskAgainAfter{30};

}  // namespace polygon::role_change
