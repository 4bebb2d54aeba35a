// Foreign servers and the credentials of production's partners in them.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// "foreign server 'partner' of postgres_fdw, to partner.example:5432": each of the session's database, whatever its
// wrapper, with host and port of its options and nothing else of them; and "extension dblink, whose callers may connect
// anywhere" for those that need no server.
Result<Lines> list_ways_out(postgres::Connection& session);

// "the user mapping of app on foreign server 'partner'", "option api_key of foreign server 'partner'": each place that
// holds, or may hold, a password: by an option's name or its value, of wrappers, servers, foreign tables and columns.
Result<Lines> find_credentials(postgres::Connection& session);

// The same lines, of what it drops. Options that look like a credential are dropped too; where the wrapper's own check
// refuses that, the error stops everything.
Result<Lines> drop_credentials(postgres::Connection& session);

}  // namespace polygon::sanitize
