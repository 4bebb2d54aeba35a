#include "common/sanitize/ties/ties.h"

#include <fmt/format.h>

#include "common/sanitize/old_rows.h"
#include "common/sanitize/stamp.h"
#include "common/sanitize/statistics.h"
#include "common/sanitize/ties/acting_extensions.h"
#include "common/sanitize/ties/event_triggers.h"
#include "common/sanitize/ties/foreign_servers.h"
#include "common/sanitize/ties/jobs.h"
#include "common/sanitize/ties/stored_connections.h"
#include "common/sanitize/ties/ways_out.h"

namespace polygon::sanitize {
namespace {

using patroni::ForeignServers;
using patroni::Jobs;
using patroni::Subscriptions;
using postgres::Connection;
using postgres::Row;

constexpr const char* kAdministrative = "postgres";

// Lines about one database, with its name before each.
class Notes {
  public:
    Notes(const std::string& database, Lines& lines) : database_(database), lines_(lines) {}

    void add(std::string_view prefix, const Lines& lines) {
        for (const std::string& line : lines)
            add(fmt::format("{}{}", prefix, line));
    }
    void add(const std::string& line) { lines_.push_back(fmt::format("database {}: {}", database_, line)); }

  private:
    const std::string& database_;
    Lines& lines_;
};

Status roll_back_prepared_transactions(Connection& session, Notes notes) {
    const auto gids = TRY(session.column(
        "SELECT gid FROM pg_catalog.pg_prepared_xacts WHERE database = pg_catalog.current_database() ORDER BY gid"));
    for (const std::string& gid : gids) {
        TRY(session.execute("ROLLBACK PREPARED " + session.quote_literal(gid)));
        notes.add(fmt::format("rolled back prepared transaction '{}'", gid));
    }
    return {};
}

// Those that are open first. A prepared transaction of any database may have locked the row of another one, which then
// can be neither opened nor altered.
Status roll_back_all(const ConnectTo& connect_to, Findings& findings) {
    const std::string count =
        TRY(TRY(connect_to(kAdministrative)).value("SELECT count(*) FROM pg_catalog.pg_prepared_xacts"));
    if (count == "0") return {};
    const auto visit = [&](Connection& session, const std::string& database) {
        return in_context(roll_back_prepared_transactions(session, Notes(database, findings.disarmed)),
                          fmt::format("cannot roll back the prepared transactions of database '{}'", database));
    };
    TRY(visit_databases(connect_to, Closed::passed_over, visit));
    return visit_databases(connect_to, Closed::opened, visit);
}

Status cut_subscription(Connection& session, const std::string& name, Subscriptions wanted) {
    const std::string subscription = session.quote_identifier(name);
    TRY(session.execute(fmt::format("ALTER SUBSCRIPTION {} DISABLE", subscription)));
    // A drop would still call the publisher for the slots of tables that are not synchronised yet: it finds nobody
    // (PostgreSQL src/backend/commands/subscriptioncmds.c). Production's password goes with the old string.
    // Since 16 the string has to hold a password where the owner is no superuser (password_required).
    TRY(session.execute(
        fmt::format("ALTER SUBSCRIPTION {} CONNECTION 'host=/nonexistent port=1 password=none'", subscription)));
    TRY(session.execute(fmt::format("ALTER SUBSCRIPTION {} SET (slot_name = NONE)", subscription)));
    if (wanted == Subscriptions::disable) return {};
    return session.execute(fmt::format("DROP SUBSCRIPTION {}", subscription));
}

Status cut_subscriptions(Connection& session, const std::string& database, Subscriptions wanted, Findings& findings) {
    const auto names = TRY(session.column(
        "SELECT subname FROM pg_catalog.pg_subscription s JOIN pg_catalog.pg_database d ON d.oid = s.subdbid "
        "WHERE d.datname = pg_catalog.current_database() ORDER BY subname"));
    for (const std::string& name : names) {
        TRY(in_context(cut_subscription(session, name, wanted), fmt::format("cannot cut subscription '{}'", name)));
        const bool is_kept = wanted == Subscriptions::disable;
        Notes(database, findings.disarmed)
            .add(fmt::format("{} subscription '{}'", is_kept ? "disabled" : "dropped", name));
        if (is_kept)
            Notes(database, findings.left).add(fmt::format("subscription '{}', disabled and without an address", name));
    }
    return {};
}

Status cut_jobs(Connection& session, const std::string& database, Jobs wanted, Findings& findings) {
    if (wanted == Jobs::disable) {
        Notes(database, findings.disarmed).add("switched off ", TRY(switch_off_jobs(session)));
    } else {
        Notes(database, findings.left).add("by polygon.jobs: ", TRY(find_jobs(session)));
    }
    return {};
}

Status cut_foreign_servers(Connection& session, const std::string& database, ForeignServers wanted,
                           Findings& findings) {
    if (wanted == ForeignServers::detach) {
        Notes(database, findings.disarmed).add("dropped ", TRY(drop_credentials(session)));
    } else {
        Notes(database, findings.left).add("by polygon.foreign_servers: ", TRY(find_credentials(session)));
    }
    Notes(database, findings.left).add("", TRY(list_ways_out(session)));
    return {};
}

Status cut_acting_extensions(Connection& session, const std::string& database, const Extensions& kept,
                             Findings& findings) {
    Notes(database, findings.disarmed).add("", TRY(cut_extensions(session, kept)));
    for (const std::string& line : TRY(describe_extensions(session, kept))) {
        const std::size_t colon = line.find(':');
        Notes(database, findings.left)
            .add(fmt::format("{}, kept as polygon.extensions.keep wants{}", line.substr(0, colon), line.substr(colon)));
    }
    return {};
}

// Tables of users with what was overwritten or, by production, deleted: a password maybe. Whatever this run has
// changed: one before it may have been interrupted after its COMMIT.
Result<Oids> find_tables_of_secrets(Connection& session, const TiePlan& plan) {
    Oids tables = TRY(find_tables_of_extensions(session, plan.kept_extensions));
    if (plan.foreign_servers == ForeignServers::detach) tables.merge(TRY(find_tables_of_connections(session)));
    return tables;
}

Status cut_in_database(Connection& session, const std::string& database, const TiePlan& plan, Findings& findings) {
    TRY(session.execute("BEGIN"));
    Notes(database, findings.disarmed).add("disabled ", TRY(disable_login_triggers(session)));
    // Those that are ENABLE ALWAYS or REPLICA fire in a shielded session too.
    const std::vector<Row> triggers = TRY(silence_event_triggers(session));
    if (plan.to_be_dropped.contains(database)) {
        TRY(cut_subscriptions(session, database, Subscriptions::drop, findings));  // it would keep its database
    } else {
        TRY(cut_subscriptions(session, database, plan.subscriptions, findings));
        TRY(cut_acting_extensions(session, database, plan.kept_extensions, findings));
        TRY(cut_jobs(session, database, plan.jobs, findings));
        TRY(cut_foreign_servers(session, database, plan.foreign_servers, findings));
    }
    if (database == kAdministrative) Notes(database, findings.disarmed).add("", TRY(create_stamp_table(session)));
    TRY(restore_event_triggers(session, triggers));
    TRY(session.execute("COMMIT"));
    if (plan.to_be_dropped.contains(database)) return {};
    const Oids tables = TRY(find_tables_of_secrets(session, plan));
    TRY(rewrite_tables(session, tables));
    return renew_statistics(session, tables);
}

}  // namespace

Result<Findings> cut_ties(const ConnectTo& connect_to, const TiePlan& plan) {
    Findings findings;
    TRY(roll_back_all(connect_to, findings));
    TRY(visit_databases(connect_to, Closed::opened, [&](Connection& session, const std::string& database) {
        return in_context(cut_in_database(session, database, plan, findings),
                          fmt::format("cannot cut the ties of database '{}'", database));
    }));
    return findings;
}

Result<RemainingTies> find_ties(const ConnectTo& connect_to, const Extensions& kept) {
    RemainingTies ties;
    TRY(visit_databases(connect_to, Closed::passed_over,
                        [&](Connection& session, const std::string& database) -> Status {
                            Notes(database, ties.extensions).add("", TRY(find_acting_extensions(session, kept)));
                            Notes(database, ties.jobs).add("", TRY(find_jobs(session)));
                            Notes(database, ties.credentials).add("", TRY(find_credentials(session)));
                            Notes(database, ties.login_triggers).add("", TRY(find_login_triggers(session)));
                            return {};
                        }));
    return ties;
}

}  // namespace polygon::sanitize
