#include "common/sanitize/statistics.h"

#include <fmt/format.h>

#include "common/base/log.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

constexpr int kFirstWithStatisticsOfExpressions = 14;
constexpr int kFirstThatAnalyzesChildren = 18;

// With the tables whose partitions or children they are: statistics of those are of the children's rows.
Result<Oids> with_parents(Connection& session, const Oids& tables) {
    const auto oids =
        TRY(session.column("WITH RECURSIVE up AS (SELECT pg_catalog.unnest($1::pg_catalog.oid[]) AS oid "
                           "UNION SELECT inhparent FROM pg_catalog.pg_inherits i JOIN up ON up.oid = i.inhrelid) "
                           "SELECT oid FROM up",
                           {to_array(tables)}));
    return Oids(oids.begin(), oids.end());
}

}  // namespace

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

Status renew_statistics(Connection& session, const Oids& changed) {
    if (changed.empty()) return {};
    const Oids tables = TRY(with_parents(session, changed));
    TRY(delete_statistics(session, tables));
    const bool is_told_only = session.server_major_version() >= kFirstThatAnalyzesChildren;
    for (const std::string& name : TRY(names_of(session, tables, "{r,m,p}"))) {
        const Status analyzed = session.execute(fmt::format("ANALYZE {}{}", is_told_only ? "ONLY " : "", name));
        if (!analyzed) log_warning("no statistics: " + analyzed.error().message, {{"table", name}});
    }
    return {};
}

}  // namespace polygon::sanitize
