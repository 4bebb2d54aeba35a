// All that a clone goes through before anybody can reach it, in its order: in the quarantine, or, where the
// configuration does without one, on the server that Patroni has started.
#pragma once

#include "common/base/result.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/databases.h"
#include "common/sanitize/policy.h"
#include "common/sanitize/steps.h"

namespace polygon::sanitize {

// Ties cut, databases dropped and renamed, settings of roles and databases reset, collations compared, roles set, each
// a step that `save` writes down with what was done and what was left. A repeat (Repeat::possible) on a clone that was
// left in the middle goes on there and brings it to the same end. The first thing that cannot be disarmed is the error.
Status sanitise(const ConnectTo& connect_to, const Policy& policy, Repeat repeat, postgres::GenerationMarker& marker,
                const SaveMarker& save);

}  // namespace polygon::sanitize
