// All that a clone goes through before anybody can reach it, in its order: in the quarantine, or, where the
// configuration does without one, on the server that Patroni has started.
#pragma once

#include "common/base/result.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/databases.h"
#include "common/sanitize/policy.h"

namespace polygon::sanitize {

// Ties cut, settings of roles and databases reset, databases dropped and renamed, collations compared, roles set. What
// was done and what was left goes into the log and the marker. A repeat (Repeat::possible) on a clone that was left in
// the middle brings it to the same end. The first thing that cannot be disarmed is the error.
Status sanitise(const ConnectTo& connect_to, const Policy& policy, Repeat repeat, postgres::GenerationMarker& marker);

}  // namespace polygon::sanitize
