#include "common/sanitize/ties.h"

#include <fmt/format.h>

#include "common/sanitize/event_triggers.h"
#include "common/sanitize/stamp.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::Row;
using Lines = std::vector<std::string>;

constexpr const char* kAdministrative = "postgres";

Status roll_back_prepared_transactions(Connection& session, const std::string& database, Lines& lines) {
    const auto gids = TRY(session.column(
        "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY gid"));
    for (const std::string& gid : gids) {
        TRY(session.execute("ROLLBACK PREPARED " + session.quote_literal(gid)));
        lines.push_back(fmt::format("database {}: rolled back prepared transaction '{}'", database, gid));
    }
    return {};
}

Status cut_subscriptions(Connection& session, const std::string& database, Subscriptions wanted, Lines& lines) {
    const auto names = TRY(session.column(
        "SELECT subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid "
        "WHERE d.datname = pg_catalog.current_database() AND (subenabled OR subslotname IS NOT NULL OR $1) ORDER BY "
        "subname",
        {wanted == Subscriptions::drop ? "t" : "f"}));
    for (const std::string& name : names) {
        const std::string subscription = session.quote_identifier(name);
        TRY(session.execute(fmt::format("ALTER SUBSCRIPTION {} DISABLE", subscription)));
        // A drop would still call the publisher for the slots of tables that are not synchronised yet: it finds nobody
        // (PostgreSQL src/backend/commands/subscriptioncmds.c). Production's password goes with the old string.
        TRY(session.execute(fmt::format("ALTER SUBSCRIPTION {} CONNECTION 'host=/nonexistent port=1'", subscription)));
        TRY(session.execute(fmt::format("ALTER SUBSCRIPTION {} SET (slot_name = NONE)", subscription)));
        if (wanted == Subscriptions::drop) TRY(session.execute(fmt::format("DROP SUBSCRIPTION {}", subscription)));
        lines.push_back(fmt::format("database {}: {} subscription '{}'", database,
                                    wanted == Subscriptions::drop ? "dropped" : "disabled", name));
    }
    return {};
}

// By extension, not by name alone: an application may have a table cron.job of its own.
Status switch_off_jobs(Connection& session, const std::string& database, Lines& lines) {
    struct JobTable {
        const char* extension;
        const char* table;
        const char* active_column;
    };
    for (const JobTable& jobs :
         {JobTable{"pg_cron", "cron.job", "active"}, JobTable{"pgagent", "pgagent.pga_job", "jobenabled"}}) {
        const std::string sql = "SELECT count(*) FROM pg_catalog.pg_extension WHERE extname = $1";
        if (TRY(session.value(sql, {jobs.extension})) == "0") continue;
        // In a shielded session no trigger fires: that of cron.job would load pg_cron.
        const auto changed = TRY(session.query(
            fmt::format("UPDATE {0} SET {1} = false WHERE {1} RETURNING 1", jobs.table, jobs.active_column)));
        if (changed.empty()) continue;
        lines.push_back(fmt::format("database {}: switched off {} jobs of {}", database, changed.size(), jobs.table));
    }
    return {};
}

Status drop_user_mappings(Connection& session, const std::string& database, Lines& lines) {
    const auto mappings =
        TRY(session.query("SELECT CASE WHEN umuser = 0 THEN NULL ELSE usename END, srvname FROM "
                          "pg_catalog.pg_user_mappings ORDER BY 2, 1"));
    for (const Row& mapping : mappings) {
        const std::string user = mapping[0] ? session.quote_identifier(*mapping[0]) : "PUBLIC";
        TRY(session.execute(
            fmt::format("DROP USER MAPPING FOR {} SERVER {}", user, session.quote_identifier(*mapping[1]))));
        lines.push_back(fmt::format("database {}: dropped the user mapping of {} on foreign server '{}'", database,
                                    mapping[0].value_or("PUBLIC"), *mapping[1]));
    }
    return {};
}

Status cut_in_database(Connection& session, const std::string& database, const TiePlan& plan, Lines& lines) {
    TRY(roll_back_prepared_transactions(session, database, lines));  // in no transaction of its own
    TRY(session.execute("BEGIN"));
    // Those that are ENABLE ALWAYS or REPLICA fire in a shielded session too.
    const std::vector<Row> triggers = TRY(silence_event_triggers(session));
    TRY(cut_subscriptions(session, database, plan.subscriptions, lines));
    if (plan.jobs == Jobs::disable) TRY(switch_off_jobs(session, database, lines));
    if (plan.foreign_servers == ForeignServers::detach) TRY(drop_user_mappings(session, database, lines));
    if (database == kAdministrative) TRY(create_stamp_table(session));
    TRY(restore_event_triggers(session, triggers));
    return session.execute("COMMIT");
}

}  // namespace

Result<std::vector<std::string>> cut_ties(const ConnectTo& connect_to, const TiePlan& plan) {
    Lines lines;
    TRY(visit_databases(connect_to, [&](Connection& session, const std::string& database) {
        return in_context(cut_in_database(session, database, plan, lines),
                          fmt::format("cannot cut the ties of database '{}'", database));
    }));
    return lines;
}

}  // namespace polygon::sanitize
