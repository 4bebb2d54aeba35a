#include "common/sanitize/ties/extensions.h"

namespace polygon::sanitize {

using postgres::Connection;

Result<std::map<std::string, std::string>> read_extensions(Connection& session) {
    std::map<std::string, std::string> schemas;
    const auto rows =
        TRY(session.query("SELECT extname, nspname FROM pg_catalog.pg_extension e JOIN pg_catalog.pg_namespace n ON "
                          "n.oid = extnamespace"));
    for (const postgres::Row& row : rows)
        schemas[*row[0]] = *row[1];
    return schemas;
}

Result<std::vector<std::string>> find_by_columns(Connection& session, const char* schema, const std::string& table,
                                                 const std::string& columns) {
    const std::optional<std::string> wanted = schema == nullptr ? std::nullopt : std::optional<std::string>(schema);
    return session.column(
        "SELECT nspname FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE relname = $1 AND relkind IN ('r', 'p') AND nspname = COALESCE($2, nspname) AND "
        "(SELECT count(*) FROM pg_catalog.pg_attribute WHERE attrelid = c.oid AND NOT attisdropped AND attnum > 0 "
        "AND attname::text = ANY (pg_catalog.string_to_array($3, ','))) = "
        "pg_catalog.cardinality(pg_catalog.string_to_array($3, ',')) ORDER BY 1",
        {table, wanted, columns});
}

Result<bool> has_table(Connection& session, const std::string& schema, const std::string& name) {
    const std::string count = TRY(session.value(
        "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = $1 AND relname = $2",
        {schema, name}));
    return count != "0";
}

}  // namespace polygon::sanitize
