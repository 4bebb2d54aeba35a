// The clone's databases, one session after the other.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Opens a superuser session in a database of the clone.
using ConnectTo = std::function<Result<postgres::Connection>(const std::string& database)>;

enum class Connections { allowed, refused };

// Whether a database lets anybody in, superusers included.
Status set_connections(postgres::Connection& session, const std::string& database, Connections connections);

using Visit = std::function<Status(postgres::Connection& session, const std::string& database)>;

// Those that allow no connections: opened for the visit alone (after a crash in between they stay open), or not
// visited.
enum class Closed { opened, passed_over };

// Every database but template0, in order of name. The first error ends it.
Status visit_databases(const ConnectTo& connect_to, Closed closed, const Visit& visit);

}  // namespace polygon::sanitize
