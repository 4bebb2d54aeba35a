#include "common/sanitize/old_rows.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;

// Passwords and connection strings: of roles, of ALTER … SET, of subscriptions; the comments on them may repeat one.
constexpr std::array kSharedCatalogs = {"pg_authid", "pg_db_role_setting", "pg_subscription", "pg_shdescription"};

// Options of foreign-data wrappers, servers, user mappings, tables and columns (pg_attribute.attfdwoptions).
constexpr std::array kCatalogs = {"pg_foreign_data_wrapper", "pg_foreign_server", "pg_user_mapping", "pg_foreign_table",
                                  "pg_attribute"};

Status rewrite(Connection& session, const std::string& table) {
    // In 18 VACUUM takes the children of a table along unless it is told not to.
    const std::string_view only = session.server_major_version() >= 18 ? "ONLY " : "";
    return in_context(session.execute(fmt::format("VACUUM (FULL) {}{}", only, table)),
                      fmt::format("cannot rewrite {}", table));
}

}  // namespace

// ALTER TABLE, TRUNCATE and REFRESH take the stronger locks, INSERT too the first. pg_largeobject (2613) is the one
// catalog with users' data; other catalogs' locks are given back earlier. A change of TOASTed values alone is one of
// the table.
std::string changed_tables_query() {
    return "SELECT c.oid, CASE WHEN pg_catalog.current_setting('track_counts') = 'on' "
           "THEN pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) "
           "> 0 ELSE pg_catalog.bool_or(l.mode = 'RowExclusiveLock') END "
           "FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation "
           "WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.database <> 0 "
           "AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
           "AND (c.oid >= 16384 OR c.oid = 2613) AND c.relkind IN ('r', 'm', 'p') GROUP BY c.oid";
}

void add_changed(ChangedTables& tables, const std::string& oid, bool has_old_rows) {
    tables.changed.insert(oid);
    if (has_old_rows) tables.with_old_rows.insert(oid);
}

Result<ChangedTables> read_changed_tables(Connection& session) {
    ChangedTables tables;
    for (const Row& row : TRY(session.query(changed_tables_query())))
        add_changed(tables, *row[0], row[1] == "t");
    return tables;
}

Status rewrite_tables(Connection& session, const Oids& tables) {
    const auto names =
        TRY(session.column("SELECT pg_catalog.format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c "
                           "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
                           "WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND relkind IN ('r', 'm') ORDER BY 1",
                           {fmt::format("{{{}}}", fmt::join(tables, ","))}));
    for (const std::string& name : names)
        TRY(rewrite(session, name));
    return {};
}

Status rewrite_catalogs(const ConnectTo& connect_to) {
    const auto rewrite_all = [](Connection& session, const auto& catalogs) -> Status {
        for (const char* catalog : catalogs)
            TRY(rewrite(session, std::string("pg_catalog.") + catalog));
        return {};
    };
    TRY(visit_databases(connect_to, Closed::opened, [&](Connection& session, const std::string& database) {
        return in_context(rewrite_all(session, kCatalogs), fmt::format("in database '{}'", database));
    }));
    Connection session = TRY(connect_to("postgres"));
    return rewrite_all(session, kSharedCatalogs);
}

}  // namespace polygon::sanitize
