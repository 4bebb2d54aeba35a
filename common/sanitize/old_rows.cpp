#include "common/sanitize/old_rows.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/sanitize/statistics.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

// Passwords and connection strings: of roles, of ALTER … SET, of subscriptions; the comments on them may repeat one.
constexpr std::array kSharedCatalogs = {"pg_authid", "pg_db_role_setting", "pg_subscription", "pg_shdescription"};

// Options of foreign-data wrappers, servers, user mappings, tables and columns (pg_attribute.attfdwoptions).
constexpr std::array kCatalogs = {"pg_foreign_data_wrapper", "pg_foreign_server", "pg_user_mapping", "pg_foreign_table",
                                  "pg_attribute"};

// What is deleted here and by renew_statistics(), and what was of dropped tables.
constexpr std::array kStatistics = {"pg_statistic", "pg_statistic_ext_data"};

Status rewrite(Connection& session, const std::string& table) {
    // In 18 VACUUM takes the children of a table along unless it is told not to.
    const std::string_view only = session.server_major_version() >= 18 ? "ONLY " : "";
    return in_context(session.execute(fmt::format("VACUUM (FULL) {}{}", only, table)),
                      fmt::format("cannot rewrite {}", table));
}

template <class Catalogs>
Status rewrite_all(Connection& session, const Catalogs& catalogs) {
    for (const char* catalog : catalogs)
        TRY(rewrite(session, std::string("pg_catalog.") + catalog));
    return {};
}

template <class Catalogs>
Status add_oids(Connection& session, const Catalogs& catalogs, Oids& oids) {
    for (const char* catalog : catalogs)
        oids.insert(TRY(oid_of(session, std::string("pg_catalog.") + catalog)));
    return {};
}

// Of one database. Of its catalogs pg_attribute alone is so large that queries of catalogs miss its statistics.
Status rewrite_own(Connection& session) {
    Oids oids;
    TRY(add_oids(session, kSharedCatalogs, oids));
    TRY(add_oids(session, kCatalogs, oids));
    TRY(delete_statistics(session, oids));
    TRY(session.execute("ANALYZE pg_catalog.pg_attribute"));
    TRY(rewrite_all(session, kCatalogs));
    return rewrite_all(session, kStatistics);
}

}  // namespace

// The rows of a table keep the values of a column that was dropped, until they are rewritten. Whether it was this
// transaction that dropped it shows no more exactly than by the lock.
// ALTER TABLE, TRUNCATE and REFRESH take the stronger locks, INSERT too the first. pg_largeobject (2613) is the one
// catalog with users' data; other catalogs' locks are given back earlier. A change of TOASTed values alone is one of
// the table.
std::string changed_tables_query() {
    return "SELECT c.oid, CASE WHEN pg_catalog.current_setting('track_counts') = 'on' "
           "THEN pg_catalog.pg_stat_get_xact_tuples_updated(c.oid) + pg_catalog.pg_stat_get_xact_tuples_deleted(c.oid) "
           "> 0 ELSE pg_catalog.bool_or(l.mode = 'RowExclusiveLock') END "
           "OR (pg_catalog.bool_or(l.mode = 'AccessExclusiveLock') AND EXISTS (SELECT FROM pg_catalog.pg_attribute "
           "WHERE attrelid = c.oid AND attisdropped)) "
           "FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_class c ON c.oid = l.relation "
           "WHERE l.locktype = 'relation' AND l.pid = pg_catalog.pg_backend_pid() AND l.database <> 0 "
           "AND l.mode IN ('RowExclusiveLock', 'ShareRowExclusiveLock', 'ExclusiveLock', 'AccessExclusiveLock') "
           "AND (c.oid >= 16384 OR c.oid = 2613) AND c.relkind IN ('r', 'm', 'p') GROUP BY c.oid";
}

void add_changed(ChangedTables& tables, const std::string& oid, bool has_old_rows) {
    tables.changed.insert(oid);
    if (has_old_rows) tables.with_old_rows.insert(oid);
}

Result<std::string> oid_of(Connection& session, const std::string& table) {
    return session.value("SELECT ($1::text)::pg_catalog.regclass::pg_catalog.oid", {table});
}

std::string to_array(const Oids& oids) {
    return fmt::format("{{{}}}", fmt::join(oids, ","));
}

Result<std::vector<std::string>> names_of(Connection& session, const Oids& tables, const std::string& kinds) {
    return session.column(
        "SELECT pg_catalog.format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND relkind::text = ANY ($2::pg_catalog.text[]) ORDER BY 1",
        {to_array(tables), kinds});
}

Status rewrite_tables(Connection& session, const Oids& tables) {
    for (const std::string& name : TRY(names_of(session, tables, "{r,m}")))
        TRY(rewrite(session, name));
    return {};
}

Status rewrite_catalogs(const ConnectTo& connect_to) {
    TRY(visit_databases(connect_to, Closed::opened, [](Connection& session, const std::string& database) {
        return in_context(rewrite_own(session), fmt::format("in database '{}'", database));
    }));
    Connection session = TRY(connect_to("postgres"));
    return rewrite_all(session, kSharedCatalogs);
}

}  // namespace polygon::sanitize
