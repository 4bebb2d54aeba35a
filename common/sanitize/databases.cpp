#include "common/sanitize/databases.h"

#include <algorithm>
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

namespace {

// Testers make and drop databases all the time: one that is not there any more, or open to nobody, needs no visit.
bool is_still_open(Connection& administrative, const Database& database) {
    const auto now = read_databases(administrative);
    if (!now) return true;  // the error that there is says more
    return std::any_of(now->begin(), now->end(),
                       [&](const Database& other) { return other.bytes == database.bytes && other.is_open; });
}

}  // namespace

Status visit_databases(const ConnectTo& connect_to, Closed closed, const Visit& visit) {
    Connection administrative = TRY(connect_to("postgres"));
    for (const Database& database : TRY(read_databases(administrative))) {
        if (!database.is_open && closed == Closed::passed_over) continue;
        if (!database.is_open) TRY(set_connections(administrative, database.name, Connections::allowed));
        {
            Result<Connection> session = connect_to(database.bytes);
            if (!session && !is_still_open(administrative, database)) continue;
            if (!session) return session.error();
            TRY(visit(*session, database.name));
        }
        if (!database.is_open) TRY(set_connections(administrative, database.name, Connections::refused));
    }
    return {};
}

}  // namespace polygon::sanitize
