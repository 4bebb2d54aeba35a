// What the coordinator does next: a pure function over what it sees. The tables of the rebuild's protocol, nothing
// else.
#pragma once

#include <string>

#include "bootstrap/rebuild/coordinator/judgement.h"
#include "bootstrap/rebuild/coordinator/view.h"

namespace polygon::rebuild {

struct Move {
    enum class Kind {
        wait,      // `reason`: for what
        enter,     // the next phase, forward
        clear,     // delete the old cluster's keys and enter `bootstrap`, in one transaction
        put_back,  // delete the new cluster's keys, put the saved ones back and enter `restore`
        certify,   // write the certificate, for the leader to keep
        finish,    // `phase` is `done` or `rolled_back`
        go_back,   // `phase` is `undo` or `restore`; `reason`: why
        stuck,     // a person has to look; the phase stays as it is
        end        // nothing is left to do
    };
    Kind kind = Kind::wait;
    etcd::Phase phase = etcd::Phase::stage;
    std::string reason;

    bool operator==(const Move&) const = default;
};

Move next_move(const View& view);

// What the new polygon is compared with in phase `verify`.
Expected expected_of(const View& view);

// Why a rebuild that nobody aborts goes back begins with something else.
inline constexpr const char* kAborted = "aborted on request";
inline constexpr const char* kRolledBackOnRequest = "rolled back on request";

}  // namespace polygon::rebuild
