#include "common/sanitize/collations.h"

#include <optional>

#include <fmt/format.h>

#include "common/sanitize/findings.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

constexpr int kFirstWithDatabaseVersions = 15;

constexpr const char* kDatabases =
    "WITH recorded AS MATERIALIZED (SELECT datname, datcollversion, "
    "pg_catalog.pg_database_collation_actual_version(oid) AS actual FROM pg_catalog.pg_database "
    "WHERE datcollversion IS NOT NULL AND datconnlimit <> -2) "
    "SELECT datname, datcollversion, actual FROM recorded WHERE actual IS DISTINCT FROM datcollversion "
    "ORDER BY datname";

// Of the hundreds that initdb takes from the system, those that a column, an index or another object depends on.
constexpr const char* kCollations =
    "WITH used AS MATERIALIZED (SELECT oid, collnamespace, collname, collversion FROM pg_catalog.pg_collation "
    "WHERE collversion IS NOT NULL AND oid IN (SELECT refobjid FROM pg_catalog.pg_depend "
    "WHERE refclassid = 'pg_catalog.pg_collation'::pg_catalog.regclass AND deptype <> 'p')), "
    "compared AS MATERIALIZED (SELECT *, pg_catalog.pg_collation_actual_version(oid) AS actual FROM used) "
    "SELECT nspname, collname, collversion, actual FROM compared c JOIN pg_catalog.pg_namespace n "
    "ON n.oid = collnamespace WHERE actual IS DISTINCT FROM collversion ORDER BY nspname, collname";

std::string versions(const std::optional<std::string>& recorded, const std::optional<std::string>& actual) {
    return fmt::format("has version {} recorded and is {} here", recorded.value_or("none"), actual.value_or("none"));
}

// A refused query is a finding; a lost server is not.
Result<postgres::Rows> ask(Connection& session, const char* query, const std::string& database, Lines& lines) {
    Result<postgres::Rows> rows = session.query(query);
    if (rows || rows.error().code != Errc::database) return rows;
    lines.push_back(
        fmt::format("database {}: collation versions cannot be compared: {}", database, rows.error().message));
    return postgres::Rows();
}

Status compare_databases(Connection& session, Lines& lines) {
    if (session.server_major_version() < kFirstWithDatabaseVersions) return {};
    for (const Row& row : TRY(ask(session, kDatabases, "postgres", lines))) {
        lines.push_back(fmt::format(
            "database {}: its default collation {}; REINDEX DATABASE {}, then ALTER DATABASE {} REFRESH COLLATION "
            "VERSION",
            *row[0], versions(row[1], row[2]), session.quote_identifier(*row[0]), session.quote_identifier(*row[0])));
    }
    return {};
}

Status compare_in_database(Connection& session, const std::string& database, Lines& lines) {
    for (const Row& row : TRY(ask(session, kCollations, database, lines))) {
        const std::string name =
            fmt::format("{}.{}", session.quote_identifier(*row[0]), session.quote_identifier(*row[1]));
        lines.push_back(fmt::format(
            "database {}: collation {} {}; REINDEX what depends on it, then ALTER COLLATION {} REFRESH VERSION",
            database, name, versions(row[2], row[3]), name));
    }
    return {};
}

}  // namespace

Result<std::vector<std::string>> compare_collations(const ConnectTo& connect_to) {
    Lines lines;
    {
        Connection session = TRY(connect_to("postgres"));
        TRY(compare_databases(session, lines));
    }
    TRY(visit_databases(connect_to, Closed::opened, [&](Connection& session, const std::string& database) {
        return in_context(compare_in_database(session, database, lines),
                          fmt::format("cannot compare the collations of database '{}'", database));
    }));
    return lines;
}

}  // namespace polygon::sanitize
