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

// One table may have several columns that hold a password, each with a line of its own.
struct Stored {
    const char* tool;
    const char* schema;  // null: any
    const char* table;
    const char* columns;  // by which the table is known; the first one is overwritten
    const char* replacement;
};

// As the tools' own scripts name them: pgq_node.sql (3.5), slony1_base.sql (2.2), bucardo.schema (5.6),
// repmgr--5.3.sql, mimeo--1.5.1.sql, pg_jobmon's tables.sql, powa--4.1.4.sql, pg_amqp's tables.sql, pgagent--4.2.sql,
// pg_timetable's ddl.sql. A connection string of Bucardo or mimeo may hold a password beside the one of the column for
// it.
constexpr std::array kStored = {
    Stored{"PgQ", "pgq_node", "node_location", "node_location,node_name,queue_name", kNobody},
    Stored{"Slony-I", nullptr, "sl_path", "pa_conninfo,pa_server,pa_client", kNobody},
    Stored{"Bucardo", "bucardo", "db", "dbpass,dbhost,dbdsn,dbconn", kNoPassword},
    Stored{"Bucardo", "bucardo", "db", "dbdsn,dbhost,dbpass,dbconn", kNobody},
    Stored{"Bucardo", "bucardo", "db", "dbconn,dbhost,dbpass,dbdsn", kNobody},
    Stored{"repmgr", nullptr, "nodes", "conninfo,node_id,upstream_node_id", kNobody},
    Stored{"mimeo", nullptr, "dblink_mapping_mimeo", "pwd,data_source,username", kNoPassword},
    Stored{"mimeo", nullptr, "dblink_mapping_mimeo", "data_source,pwd,username", kNobody},
    Stored{"pg_jobmon", nullptr, "dblink_mapping_jobmon", "pwd,username", kNoPassword},
    Stored{"PoWA", nullptr, "powa_servers", "password,hostname,dbname", kNoPassword},
    Stored{"pg_amqp", nullptr, "broker", "password,broker_id,host,vhost,username", kNoPassword},
    Stored{"pgAgent", "pgagent", "pga_jobstep", "jstconnstr,jstjobid", kNobody},
    Stored{"pg_timetable", "timetable", "task", "database_connection,task_id,run_as", kNobody}};

using Visit = std::function<Status(const Stored& stored, const std::string& table)>;

// Of each schema that has such a table.
Status visit_tables(Connection& session, const Visit& visit) {
    for (const Stored& stored : kStored) {
        for (const std::string& schema : TRY(find_by_columns(session, stored.schema, stored.table, stored.columns))) {
            const std::string table =
                fmt::format("{}.{}", session.quote_identifier(schema), session.quote_identifier(stored.table));
            TRY(in_context(visit(stored, table), fmt::format("cannot look at {}", table)));
        }
    }
    return {};
}

using Count = std::function<Result<std::string>(const std::string& table, const std::string& column,
                                                const std::string& replacement)>;

Result<Lines> list(Connection& session, const Count& count) {
    Lines lines;
    TRY(visit_tables(session, [&](const Stored& stored, const std::string& table) -> Status {
        const std::string_view all = stored.columns;
        const std::string column(all.substr(0, all.find(',')));
        const std::string found = TRY(count(table, column, session.quote_literal(stored.replacement)));
        if (found != "0")
            lines.push_back(
                fmt::format("{} connections stored by {} ({}.{})", found, stored.tool, stored.table, column));
        return {};
    }));
    return lines;
}

}  // namespace

Result<Lines> find_stored_connections(Connection& session) {
    return list(session, [&](const std::string& table, const std::string& column, const std::string& replacement) {
        return session.value(
            fmt::format("SELECT count(*) FROM {0} WHERE {1} NOT IN ('', {2})", table, column, replacement));
    });
}

Result<Oids> find_tables_of_connections(Connection& session) {
    Oids oids;
    TRY(visit_tables(session, [&](const Stored&, const std::string& table) -> Status {
        oids.insert(TRY(oid_of(session, table)));
        return {};
    }));
    return oids;
}

Result<Lines> overwrite_stored_connections(Connection& session) {
    return list(session,
                [&](const std::string& table, const std::string& column,
                    const std::string& replacement) -> Result<std::string> {
                    const auto changed =
                        TRY(session.query(fmt::format("UPDATE {0} SET {1} = {2} WHERE {1} NOT IN ('', {2}) RETURNING 1",
                                                      table, column, replacement)));
                    return std::to_string(changed.size());
                });
}

}  // namespace polygon::sanitize
