#include "tests/support/danger_proofs.h"

#include <chrono>

#include <fmt/format.h>

#include "tests/support/secrets.h"
#include "tests/support/waiting.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

struct Question {
    const char* what;
    const char* sql;
    const char* wanted;
};

constexpr Question kOfTheCluster[] = {
    {"subscriptions", "SELECT count(*) FROM pg_subscription", "0"},
    {"logical slots", "SELECT count(*) FROM pg_replication_slots WHERE slot_type = 'logical'", "0"},
    {"prepared transactions", "SELECT count(*) FROM pg_prepared_xacts", "0"},
    {"superusers that may log in", "SELECT string_agg(rolname, ' ') FROM pg_roles WHERE rolsuper AND rolcanlogin",
     "postgres"},
    {"databases that allow no connections",
     "SELECT string_agg(datname, ' ' ORDER BY datname) FROM pg_database "
     "WHERE NOT datallowconn",
     "closed template0"},
    {"archive_command's source",
     "SELECT count(*) FROM pg_settings WHERE name LIKE 'archive\\_%' AND sourcefile ~ '(base|auto)\\.conf$'", "0"},
};
constexpr Question kOfThai[] = {
    {"user mappings", "SELECT count(*) FROM pg_user_mappings", "0"},
    {"active jobs of pg_cron that production made",
     "SELECT count(*) FROM cron.job WHERE active AND jobname = 'production''s'", "0"},
    {"prepared row", "SELECT count(*) FROM passengers WHERE id = -1", "0"},
    {"row security", "SELECT relrowsecurity AND relforcerowsecurity FROM pg_class WHERE oid = 'passengers'::regclass",
     "t"},
    {"event triggers",
     "SELECT string_agg(evtname || ' ' || evtenabled::text, ', ' ORDER BY evtname) FROM pg_event_trigger "
     "WHERE evtname ~ '^refuse'",
     "refuse_end A, refuse_start O"},
    {"settings of replicator",
     "SELECT count(*) FROM pg_db_role_setting WHERE setrole = (SELECT oid FROM pg_roles WHERE rolname = 'replicator')",
     "0"},
};
constexpr Question kOfClosed[] = {{"user mappings", "SELECT count(*) FROM pg_user_mappings", "0"}};

Status ask(Cluster& polygon, const std::string& name, std::span<const Question> questions) {
    Database database = TRY(polygon.connect_to_leader(name));
    for (const Question& question : questions) {
        const std::string seen = TRY(database.value(question.sql));
        if (seen == question.wanted) continue;
        return Error{Errc::not_proven,
                     fmt::format("database {}: {}: {} and not {}", name, question.what, seen, question.wanted)};
    }
    return {};
}

Status ask_closed(Cluster& polygon) {
    Database postgres = TRY(polygon.connect_to_leader());
    TRY(postgres.run("ALTER DATABASE closed ALLOW_CONNECTIONS true"));
    const Status answers = ask(polygon, "closed", kOfClosed);
    TRY(postgres.run("ALTER DATABASE closed ALLOW_CONNECTIONS false"));
    return answers;
}

}  // namespace

Evidence prove_partner_not_reached(Stand& stand) {
    std::string evidence = TRY(stand.dangers().partner().check_untouched());
    // Its own subscription may be between two connections.
    TRY(wait_for("partner that streams from production", 60s, [&]() -> Status {
        Database production = TRY(stand.production().connect_to_leader());
        const std::string active = TRY(production.value(
            "SELECT count(*) FROM pg_replication_slots WHERE slot_name = 'partner_stations' AND active"));
        return active == "1" ? Status() : Status(Error{Errc::not_proven, "its slot on production is not in use"});
    }));
    return evidence;
}

Evidence prove_foreign_server_not_reached(Stand& stand) {
    const int count = stand.dangers().foreign_server().count_connections();
    if (count == 0) return std::string("0 connections");
    return Error{Errc::not_proven, fmt::format("{} connections have come to production's foreign server", count)};
}

Evidence prove_no_job_ran(Stand& stand) {
    const Dangers& dangers = stand.dangers();
    const std::size_t runs = dangers.count_runs(stand.polygon().scope());
    if (runs == 0)
        return fmt::format("production has run its job {} times, the polygon never",
                           dangers.count_runs(stand.production().scope()));
    return Error{Errc::not_proven, fmt::format("the polygon has run production's job {} times", runs)};
}

Evidence prove_ties_cut(Stand& stand) {
    TRY(ask(stand.polygon(), "postgres", kOfTheCluster));
    TRY(ask(stand.polygon(), "thai", kOfThai));
    TRY(ask_closed(stand.polygon()));
    return std::string("no subscription, user mapping, slot, prepared transaction or active job");
}

Evidence prove_no_password_logged(Stand& stand) {
    const Secrets passwords = stand.passwords();
    const auto found = find_in_logs(stand.workspace().path(), passwords);
    if (found.empty()) return fmt::format("none of {}", passwords.size());
    return Error{Errc::not_proven, fmt::format("{} lines of logs have a password, such as {}", found.size(), found[0])};
}

}  // namespace polygon::support
