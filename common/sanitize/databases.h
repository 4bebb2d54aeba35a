// The clone's databases, one session after the other.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Opens a superuser session in a database of the clone, by the bytes of its name.
using ConnectTo = std::function<Result<postgres::Connection>(const std::string& database)>;

// A session reads a name in its own encoding, and the startup packet has to have it as it is in the catalog.
struct Database {
    std::string name;   // as our sessions read it
    std::string bytes;  // as the startup packet has to have it
    bool is_open = false;
    bool is_template = false;
};

// But for initdb's template0, and for a database whose DROP was interrupted (datconnlimit -2, PostgreSQL 15.3): that
// can only be dropped. In order of name.
Result<std::vector<Database>> read_databases(postgres::Connection& session);

enum class Connections { allowed, refused };

// Whether a database lets anybody in, superusers included.
Status set_connections(postgres::Connection& session, const std::string& database, Connections connections);

using Visit = std::function<Status(postgres::Connection& session, const std::string& database)>;

// Those that allow no connections: opened for the visit alone (after a crash in between they stay open), or not
// visited.
enum class Closed { opened, passed_over };

// Each of read_databases(). The first error ends it.
Status visit_databases(const ConnectTo& connect_to, Closed closed, const Visit& visit);

}  // namespace polygon::sanitize
