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

Result<bool> has_table(Connection& session, const std::string& schema, const std::string& name) {
    const std::string count = TRY(session.value(
        "SELECT count(*) FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = relnamespace "
        "WHERE nspname = $1 AND relname = $2",
        {schema, name}));
    return count != "0";
}

}  // namespace polygon::sanitize
