// Event triggers of production's, which could refuse what has to be done to its clone.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Disables those of the session's database that are enabled in any way, and says which and how. DDL on event triggers
// fires none. (Since PostgreSQL 17 a session can do without them: event_triggers = off.)
Result<std::vector<postgres::Row>> silence_event_triggers(postgres::Connection& session);

// As silence_event_triggers() found them; those that have been dropped since stay dropped.
Status restore_event_triggers(postgres::Connection& session, const std::vector<postgres::Row>& triggers);

}  // namespace polygon::sanitize
