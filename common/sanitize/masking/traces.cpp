#include "common/sanitize/masking/traces.h"

namespace polygon::sanitize {

using postgres::Connection;

Status use_own_search_path(Connection& session) {
    return session.execute(
        "SELECT pg_catalog.set_config('search_path', COALESCE((SELECT pg_catalog.substr(setting, 13) "
        "FROM pg_catalog.pg_db_role_setting s JOIN pg_catalog.pg_database d ON d.oid = s.setdatabase, "
        "LATERAL pg_catalog.unnest(setconfig) AS setting WHERE datname = pg_catalog.current_database() "
        "AND setrole = 0 AND setting LIKE 'search_path=%'), '\"$user\", public'), false)");
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
