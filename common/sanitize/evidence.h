// The proofs that a running leader is the polygon that the quarantine made: each a row of the certificate.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/databases.h"

namespace polygon::sanitize {

// Whether a polygon on which a check does not hold is refused, or its users are told.
enum class Weight { required, advisory };

struct Check {
    std::string name;  // "system identifier"
    bool holds = false;
    std::string detail;  // what was seen, and where it fails what was wanted
    Weight weight = Weight::required;
};

// At the bootstrap nobody but us has been there. Later, testers may have made subscriptions, slots, jobs and the like
// of their own: such checks are then advisory.
enum class Moment { bootstrap, later };

// By superuser's sessions with the leader. Only an unreachable server is an error; what does not hold is a Check.
Result<std::vector<Check>> collect_evidence(const ConnectTo& connect_to, const postgres::GenerationMarker& marker,
                                            Moment moment);

// What a line of the marker's `left` begins with that tells of WAL of production's in the clone.
inline constexpr std::string_view kWalLeft = "pg_wal: ";

// One of them, which asks no server: whether what ran while the clone was sanitised could dial out.
Check check_isolation(const postgres::GenerationMarker& marker);

// Errc::not_proven naming what does not hold; success if all required ones do.
Status require_all(const std::vector<Check>& checks);

}  // namespace polygon::sanitize
