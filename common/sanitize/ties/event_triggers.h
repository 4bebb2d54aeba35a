// Event triggers of production's, which could refuse what has to be done to its clone.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// "login event trigger 'audit'", of those of the session's database that are enabled: since PostgreSQL 17 they act in
// each session, those of Patroni's included, before its first statement.
Result<Lines> find_login_triggers(postgres::Connection& session);

// The same lines, for those that it disables.
Result<Lines> disable_login_triggers(postgres::Connection& session);

// Disables those of the session's database that are enabled in any way, and says which and how. DDL on event triggers
// fires none. (Since PostgreSQL 17 a session can do without them: event_triggers = off.)
Result<std::vector<postgres::Row>> silence_event_triggers(postgres::Connection& session);

// As silence_event_triggers() found them; those that have been dropped since stay dropped.
Status restore_event_triggers(postgres::Connection& session, const std::vector<postgres::Row>& triggers);

}  // namespace polygon::sanitize
