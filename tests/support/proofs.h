// Point 5 of the main job: what has to hold after a rebuild. Each proof gives its evidence, a short text, or the error
// that says what does not hold.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tests/support/stand.h"

namespace polygon::support {

using Evidence = Result<std::string>;

// Production's rows, as at its backup, on every polygon node; the polygon's own database is gone.
Evidence prove_contents(Stand& stand);
// A fresh system identifier is neither production's nor the last polygon's; a kept one is production's.
Evidence prove_system_identifier(Stand& stand);
// postgres, replicator, the rewind role and app log in on every node with the polygon's passwords.
Evidence prove_own_passwords_accepted(Stand& stand);
// Every role of production's that has a password is refused on every node with it.
Evidence prove_production_passwords_refused(Stand& stand);
// A row written on the leader is read on each replica.
Evidence prove_replication(Stand& stand);
// Another node is made leader, the third follows it, and rows go on being replicated.
Evidence prove_switchover(Stand& stand);
// Production: the same system identifier and contents, nothing foreign in its WAL archive, still writing and archiving.
Evidence prove_production_unchanged(Stand& stand);
// polygon-rebuild verify says so, too.
Evidence prove_certificate(Stand& stand);

struct Proof {
    std::string_view title;
    Evidence (*check)(Stand&);
};

// All of the above, and those of danger_proofs.h.
std::span<const Proof> all_proofs();

}  // namespace polygon::support
