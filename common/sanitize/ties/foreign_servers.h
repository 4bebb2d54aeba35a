// The credentials of production's partners: in foreign servers and all that belongs to them, and where tools store
// them.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// "the user mapping of app on foreign server 'partner'", "option api_key of foreign server 'partner'": each place that
// holds, or may hold, a password: by an option's name or its value, of wrappers, servers, foreign tables and columns;
// options that name a program to be run (file_fdw's); and stored_connections.h's.
Result<Lines> find_credentials(postgres::Connection& session);

// The same lines, of what it drops. An option that its wrapper insists on is overwritten: a file_fdw table with a
// program is empty then. Where the wrapper refuses that too, the error stops everything. In a transaction.
Result<Lines> drop_credentials(postgres::Connection& session);

}  // namespace polygon::sanitize
