#include "common/sanitize/databases.h"

#include <fmt/format.h>

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

Status allow_connections(Connection& session, const std::string& database, bool is_allowed) {
    return session.execute(fmt::format("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}",
                                       session.quote_identifier(database), is_allowed ? "true" : "false"));
}

}  // namespace

Status visit_databases(const ConnectTo& connect_to, Closed closed, const Visit& visit) {
    Connection administrative = TRY(connect_to("postgres"));
    // A database whose DROP was interrupted (datconnlimit -2, PostgreSQL 15.3) can only be dropped.
    const auto databases = TRY(administrative.query(
        "SELECT datname, datallowconn FROM pg_catalog.pg_database WHERE datname <> 'template0' AND datconnlimit <> -2 "
        "ORDER BY datname"));
    for (const Row& row : databases) {
        const std::string& database = *row[0];
        const bool is_open = row[1] == "t";
        if (!is_open && closed == Closed::passed_over) continue;
        if (!is_open) TRY(allow_connections(administrative, database, true));
        {
            Connection session = TRY(connect_to(database));
            TRY(visit(session, database));
        }
        if (!is_open) TRY(allow_connections(administrative, database, false));
    }
    return {};
}

}  // namespace polygon::sanitize
