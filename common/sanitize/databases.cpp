#include "common/sanitize/databases.h"

#include <map>

#include <fmt/format.h>

#include "common/sanitize/shared_names.h"

namespace polygon::sanitize {

using postgres::Connection;
using postgres::Row;

Status set_connections(Connection& session, const std::string& database, Connections connections) {
    return execute_on(session, {sql("ALTER DATABASE "), database_named(database),
                                sql(connections == Connections::allowed ? " WITH ALLOW_CONNECTIONS true"
                                                                        : " WITH ALLOW_CONNECTIONS false")});
}

Result<std::vector<Database>> read_databases(Connection& session) {
    // Somebody may have renamed initdb's, and given its name to a database of his own: those begin at 16384
    // (FirstNormalObjectId, src/include/access/transam.h).
    constexpr const char* kFrom =
        "FROM pg_catalog.pg_database WHERE NOT (datname = 'template0' AND oid < 16384) AND datconnlimit <> -2";
    // Under SQL_ASCII nothing is converted.
    TRY(session.execute("SET client_encoding = 'SQL_ASCII'"));
    std::map<std::string, std::string> bytes;
    for (const Row& row : TRY(session.query(fmt::format("SELECT oid, datname {}", kFrom))))
        bytes[*row[0]] = *row[1];
    TRY(session.execute("SET client_encoding = 'UTF8'"));
    std::vector<Database> databases;
    for (const Row& row : TRY(session.query(
             fmt::format("SELECT oid, datname, datallowconn, datistemplate {} ORDER BY datname", kFrom)))) {
        databases.push_back(
            {.name = *row[1], .bytes = bytes[*row[0]], .is_open = row[2] == "t", .is_template = row[3] == "t"});
    }
    return databases;
}

Status visit_databases(const ConnectTo& connect_to, Closed closed, const Visit& visit) {
    Connection administrative = TRY(connect_to("postgres"));
    for (const Database& database : TRY(read_databases(administrative))) {
        if (!database.is_open && closed == Closed::passed_over) continue;
        if (!database.is_open) TRY(set_connections(administrative, database.name, Connections::allowed));
        {
            Connection session = TRY(connect_to(database.bytes));
            TRY(visit(session, database.name));
        }
        if (!database.is_open) TRY(set_connections(administrative, database.name, Connections::refused));
    }
    return {};
}

}  // namespace polygon::sanitize
