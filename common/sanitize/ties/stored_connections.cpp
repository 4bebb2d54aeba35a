#include "common/sanitize/ties/stored_connections.h"

#include <array>
#include <functional>

#include <fmt/format.h>

#include "common/sanitize/ties/extensions.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;

constexpr const char* kNobody = "host=/nonexistent port=1";
constexpr const char* kNoPassword = "none";

struct Stored {
    const char* tool;
    const char* schema;  // null: any
    const char* table;
    const char* columns;  // by which the table is known; the first one is overwritten
    const char* replacement;
};

// As the tools' own scripts name them: pgq_node.sql, slony1_base.sql, bucardo.schema, repmgr--5.sql, mimeo.sql,
// pg_jobmon.sql, powa--4.sql, amqp.sql, pgagent.sql, pg_timetable's ddl.sql.
constexpr std::array kStored = {Stored{"PgQ", "pgq_node", "node_location", "node_location,node_name", kNobody},
                                Stored{"Slony-I", nullptr, "sl_path", "pa_conninfo,pa_server", kNobody},
                                Stored{"Bucardo", "bucardo", "db", "dbpass,dbhost", kNoPassword},
                                Stored{"repmgr", nullptr, "nodes", "conninfo,node_id,upstream_node_id", kNobody},
                                Stored{"mimeo", nullptr, "dblink_mapping_mimeo", "pwd,data_source", kNoPassword},
                                Stored{"pg_jobmon", nullptr, "dblink_mapping_jobmon", "pwd,username", kNoPassword},
                                Stored{"PoWA", nullptr, "powa_servers", "password,hostname", kNoPassword},
                                Stored{"pg_amqp", nullptr, "broker", "password,host,vhost", kNoPassword},
                                Stored{"pgAgent", "pgagent", "pga_jobstep", "jstconnstr,jstjobid", kNobody},
                                Stored{"pg_timetable", "timetable", "task", "database_connection,task_id", kNobody}};

using Visit = std::function<Result<std::string>(const std::string& table, const std::string& column,
                                                const std::string& replacement)>;

Result<Lines> visit(Connection& session, const Visit& count) {
    Lines lines;
    for (const Stored& stored : kStored) {
        for (const std::string& schema : TRY(find_by_columns(session, stored.schema, stored.table, stored.columns))) {
            const std::string_view all = stored.columns;
            const std::string column(all.substr(0, all.find(',')));
            const std::string table =
                fmt::format("{}.{}", session.quote_identifier(schema), session.quote_identifier(stored.table));
            const std::string found = TRY(in_context(count(table, column, session.quote_literal(stored.replacement)),
                                                     fmt::format("cannot look at {}", table)));
            if (found != "0")
                lines.push_back(
                    fmt::format("{} connections stored by {} ({}.{})", found, stored.tool, stored.table, column));
        }
    }
    return lines;
}

}  // namespace

Result<Lines> find_stored_connections(Connection& session) {
    return visit(session, [&](const std::string& table, const std::string& column, const std::string& replacement) {
        return session.value(
            fmt::format("SELECT count(*) FROM {0} WHERE {1} NOT IN ('', {2})", table, column, replacement));
    });
}

Result<Lines> overwrite_stored_connections(Connection& session) {
    return visit(
        session,
        [&](const std::string& table, const std::string& column,
            const std::string& replacement) -> Result<std::string> {
            const auto changed = TRY(session.query(fmt::format(
                "UPDATE {0} SET {1} = {2} WHERE {1} NOT IN ('', {2}) RETURNING 1", table, column, replacement)));
            return std::to_string(changed.size());
        });
}

}  // namespace polygon::sanitize
