#include "common/sanitize/databases.h"

#include <fmt/format.h>

namespace polygon::sanitize {

using postgres::Connection;
using postgres::Row;

Status set_connections(Connection& session, const std::string& database, Connections connections) {
    return session.execute(fmt::format("ALTER DATABASE {} WITH ALLOW_CONNECTIONS {}",
                                       session.quote_identifier(database),
                                       connections == Connections::allowed ? "true" : "false"));
}

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
        if (!is_open) TRY(set_connections(administrative, database, Connections::allowed));
        {
            Connection session = TRY(connect_to(database));
            TRY(visit(session, database));
        }
        if (!is_open) TRY(set_connections(administrative, database, Connections::refused));
    }
    return {};
}

}  // namespace polygon::sanitize
