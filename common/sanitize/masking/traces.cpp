#include "common/sanitize/masking/traces.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/log.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

constexpr int kFirstWithStatisticsOfExpressions = 14;
constexpr int kFirstThatAnalyzesChildren = 18;

std::string to_array(const Oids& oids) {
    return fmt::format("{{{}}}", fmt::join(oids, ","));
}

// With the tables whose partitions or children they are: statistics of those are of the children's rows.
Result<Oids> with_parents(Connection& session, const Oids& tables) {
    const auto oids =
        TRY(session.column("WITH RECURSIVE up AS (SELECT pg_catalog.unnest($1::pg_catalog.oid[]) AS oid "
                           "UNION SELECT inhparent FROM pg_catalog.pg_inherits i JOIN up ON up.oid = i.inhrelid) "
                           "SELECT oid FROM up",
                           {to_array(tables)}));
    return Oids(oids.begin(), oids.end());
}

// ANALYZE leaves those of a table without rows as they are. A row of extended statistics has to stay: before 15 ANALYZE
// does not make a new one.
Status delete_statistics(Connection& session, const Oids& tables) {
    const std::string array = to_array(tables);
    TRY(
        session.execute("DELETE FROM pg_catalog.pg_statistic WHERE starelid = ANY ($1::pg_catalog.oid[]) OR starelid "
                        "IN (SELECT indexrelid FROM pg_catalog.pg_index WHERE indrelid = ANY ($1::pg_catalog.oid[]))",
                        {array}));
    const bool has_expressions = session.server_major_version() >= kFirstWithStatisticsOfExpressions;
    return session.execute(
        fmt::format("UPDATE pg_catalog.pg_statistic_ext_data SET stxdndistinct = NULL, stxddependencies = NULL, "
                    "stxdmcv = NULL{} WHERE stxoid IN (SELECT oid FROM pg_catalog.pg_statistic_ext "
                    "WHERE stxrelid = ANY ($1::pg_catalog.oid[]))",
                    has_expressions ? ", stxdexpr = NULL" : ""),
        {array});
}

Result<std::vector<std::string>> names_of(Connection& session, const Oids& tables, const std::string& kinds) {
    return session.column(
        "SELECT pg_catalog.format('%I.%I', nspname, relname) FROM pg_catalog.pg_class c "
        "JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE c.oid = ANY ($1::pg_catalog.oid[]) AND relkind::text = ANY ($2::pg_catalog.text[]) "
        "ORDER BY 1",
        {to_array(tables), kinds});
}

}  // namespace

Status renew_statistics(Connection& session, const Oids& changed) {
    const Oids tables = TRY(with_parents(session, changed));
    TRY(delete_statistics(session, tables));
    const bool is_told_only = session.server_major_version() >= kFirstThatAnalyzesChildren;
    for (const std::string& name : TRY(names_of(session, tables, "{r,m,p}"))) {
        const Status analyzed = session.execute(fmt::format("ANALYZE {}{}", is_told_only ? "ONLY " : "", name));
        if (!analyzed) log_warning("no statistics: " + analyzed.error().message, {{"table", name}});
    }
    for (const char* catalog : {"pg_statistic", "pg_statistic_ext_data"})
        TRY(session.execute(fmt::format("VACUUM (FULL) pg_catalog.{}", catalog)));
    return {};
}

Result<Lines> list_unrefreshed(Connection& session, const Oids& changed) {
    if (changed.empty()) return Lines();
    return session.column(
        "SELECT pg_catalog.format('materialized view %I.%I', nspname, relname) "
        "FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE relkind = 'm' AND relispopulated AND c.oid <> ALL ($1::pg_catalog.oid[]) ORDER BY 1",
        {to_array(changed)});
}

Result<Lines> list_tables(Connection& session, const Oids& tables) {
    Lines lines = TRY(names_of(session, tables, "{r,m}"));
    for (std::string& line : lines)
        line = "table " + line;
    return lines;
}

}  // namespace polygon::sanitize
