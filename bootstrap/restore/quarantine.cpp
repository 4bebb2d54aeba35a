#include "bootstrap/restore/quarantine.h"

#include <functional>
#include <optional>

#include <fmt/format.h>

#include "bootstrap/restore/preload.h"
#include "bootstrap/restore/recovery.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/private_server.h"
#include "common/postgres/wal_directory.h"
#include "common/process/child.h"
#include "common/process/isolation.h"
#include "common/process/orphans.h"
#include "common/sanitize/masking/masking.h"
#include "common/sanitize/old_rows.h"
#include "common/sanitize/sanitise.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPreload = "shared_preload_libraries";

postgres::ServerParameters quarantine_parameters(const Plan& plan, postgres::GenerationMarker& marker) {
    postgres::ServerParameters parameters = recovery_parameters(plan.settings.recovery);
    parameters["max_prepared_transactions"] = "1000";
    for (const auto& [name, value] : plan.settings.quarantine.parameters.value)
        parameters[name] = value;
    const Preload preload = choose_preload(plan.settings.quarantine, plan.binaries, marker);
    for (const std::string& line : preload.left)
        log_info(line);
    marker.left.insert(marker.left.end(), preload.left.begin(), preload.left.end());
    parameters[kPreload] = preload.libraries;
    return parameters;
}

// Where the archive is, only the user's command knows: it may need the network.
bool fetches_wal(const Plan& plan) {
    return plan.settings.recovery.restore_command.value.has_value();
}

// Nobody can have a session before recovery's end, and no library is loaded but for what the user has named: what runs
// then outside is PostgreSQL itself and the command.
postgres::ServerParameters recovering_outside(const Plan& plan, postgres::ServerParameters parameters) {
    if (!plan.settings.quarantine.parameters.value.contains(kPreload)) parameters[kPreload] = "";
    return parameters;
}

void record_isolation(const Plan& plan, process::Isolation isolation, postgres::GenerationMarker& marker) {
    const bool is_isolated = isolation != process::Isolation::none;
    marker.isolation = process::to_text(isolation);
    if (is_isolated && fetches_wal(plan)) marker.isolation += ", from the end of recovery on";
    if (is_isolated) log_info("the quarantine is cut off from the network", {{"isolation", marker.isolation}});
}

// Whatever is done in sessions of ours, and by psql, which its own enclosure holds too.
Status run_cut_off(process::Isolation isolation, const std::function<Status()>& body) {
    return isolation == process::Isolation::none ? body() : process::run_without_network(body);
}

Result<postgres::PrivateServer> prepare_server(const Plan& plan, const postgres::ServerParameters& parameters,
                                               process::Isolation isolation) {
    if (!fetches_wal(plan))
        return postgres::PrivateServer::prepare(plan.binaries, plan.places.staged, parameters, isolation);
    return postgres::PrivateServer::prepare(plan.binaries, plan.places.staged, recovering_outside(plan, parameters),
                                            process::Isolation::none);
}

// Promotion picks the next timeline, so that the clone's history is told from production's.
Status recover(postgres::PrivateServer& server, const Plan& plan, Clock& clock, const Deadline& deadline) {
    const patroni::RecoverySettings& recovery = plan.settings.recovery;
    log_info("recovering in quarantine",
             {{"data_directory", plan.places.staged.string()}, {"to", describe_target(recovery)}});
    Status started = server.start(clock, deadline);
    if (started) return {};
    return explain_failed_recovery(std::move(started).error(), server.log_tail(), recovery);
}

// Before the first session: with one, code of the clone's may run. What restore_command has left running (wal-g fetches
// ahead) would write production's WAL into the clone, and go on doing so when it is in its place.
Status restart_isolated(postgres::PrivateServer& server, process::Orphans& fetchers,
                        const postgres::ServerParameters& parameters, process::Isolation isolation, Clock& clock,
                        const Deadline& deadline) {
    TRY(server.stop(clock, deadline));
    TRY(fetchers.end(clock, deadline));
    TRY(server.change(parameters, isolation));
    return server.start(clock, deadline);
}

// A string of SQL as single-user mode takes it, with standard_conforming_strings on (the default since 9.1).
std::string quote(const std::string& text) {
    std::string quoted = "'";
    for (const char c : text) {
        if (c == '\'') quoted += '\'';
        quoted += c;
    }
    return quoted + "'";
}

// Production's bootstrap superuser may have any name, and Patroni's may not exist: single-user mode needs none.
Status ensure_superuser(postgres::PrivateServer& server, const std::string& name, Clock& clock,
                        const Deadline& deadline) {
    TRY(server.stop(clock, deadline));
    const std::string statement = fmt::format(
        "DO $polygon$ BEGIN IF EXISTS (SELECT FROM pg_catalog.pg_authid WHERE rolname = {0}) "
        "THEN EXECUTE pg_catalog.format('ALTER ROLE %I SUPERUSER LOGIN', {0}); "
        "ELSE EXECUTE pg_catalog.format('CREATE ROLE %I SUPERUSER LOGIN', {0}); END IF; END $polygon$;",
        quote(name));
    TRY(server.run_single(statement, clock, deadline));
    return server.start(clock, deadline);
}

Result<postgres::Connection> open_session(postgres::PrivateServer& server, const std::string& superuser, Clock& clock,
                                          const Deadline& deadline) {
    if (Result<postgres::Connection> session = server.connect(superuser, "postgres")) {
        const Result<std::string> is_super =
            session->value("SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user");
        if (is_super && *is_super == "t") return session;
    }
    log_info("production has no such superuser, making it in single-user mode", {{"role", superuser}});
    TRY(ensure_superuser(server, superuser, clock, deadline));
    return server.connect(superuser, "postgres");
}

Error explain_timeout(Error error) {
    return {Errc::timeout, fmt::format("the quarantine's time is over: {}", error.message),
            "Something of production's may wait or loop there; else raise polygon.quarantine.timeout."};
}

// Production's triggers and functions may loop, and its locks may never be released.
Result<postgres::Connection> connect(const postgres::PrivateServer& server, const Plan& plan,
                                     const std::string& database, const Deadline& deadline) {
    postgres::Connection session = TRY(server.connect(plan.policy.superuser, database));
    TRY(session.limit_statements(deadline.remaining()));
    return session;
}

Status sanitise(postgres::PrivateServer& server, const Plan& plan, postgres::GenerationMarker& marker, Clock& clock,
                const Deadline& deadline) {
    const std::string& superuser = plan.policy.superuser;
    {
        postgres::Connection session = TRY(open_session(server, superuser, clock, deadline));
        TRY(require_target_after(marker.backup_time, plan.settings.recovery, session));
    }
    const sanitize::ConnectTo connect_to = [&](const std::string& database) {
        return connect(server, plan, database, deadline);
    };
    // Nothing of a clone whose quarantine ends early stays: there is nothing to go on with.
    const sanitize::SaveMarker forget = [](const postgres::GenerationMarker&) { return Status(); };
    Status done = sanitize::sanitise(connect_to, plan.policy, sanitize::Repeat::no, marker, forget);
    if (done || !deadline.has_passed()) return done;
    return explain_timeout(std::move(done).error());
}

// The user's own SQL, when nothing ties the clone to production any more and its roles are the polygon's.
Status mask(postgres::PrivateServer& server, const Plan& plan, process::Isolation isolation,
            postgres::GenerationMarker& marker, Progress& progress, Clock& clock, const Deadline& deadline) {
    if (plan.policy.sql.empty()) return {};
    progress.enter("mask");
    const Clock::Instant start = clock.now();
    const std::string& superuser = plan.policy.superuser;
    const sanitize::PsqlSession session{
        .binaries = plan.binaries, .address = server.address(superuser), .isolation = isolation};
    sanitize::Masked masked = TRY(sanitize::run_sql(
        {.files = plan.policy.sql,
         .session = session,
         .renamed = plan.policy.databases.rename,
         .old_rows = plan.policy.old_rows,
         .connect_to = [&](const std::string& database) { return server.connect(superuser, database); }},
        clock, deadline));
    sanitize::record(std::move(masked), marker);
    marker.phase_seconds["mask"] = std::chrono::duration<double>(clock.now() - start).count();
    progress.enter("quarantine");
    return {};
}

// In all files, what was removed is still there as dead rows.
Status rewrite(postgres::PrivateServer& server, const Plan& plan, postgres::GenerationMarker& marker,
               const Deadline& deadline) {
    TRY(sanitize::rewrite_catalogs(
        [&](const std::string& database) { return connect(server, plan, database, deadline); }));
    marker.steps.emplace_back("catalogs");
    return {};
}

// What pg_createsubscriber does since PostgreSQL 17: the identifier, then WAL that carries it. Production's WAL, with
// all that was removed, goes with it; so it does where the identifier is kept.
Status replace_wal(const Plan& plan, postgres::GenerationMarker& marker, Clock& clock, const Deadline& deadline) {
    const postgres::Path& clone = plan.places.staged;
    if (plan.settings.system_identifier.value == patroni::SystemIdentifier::renew) {
        marker.system_identifier = postgres::make_system_identifier();
        TRY(postgres::replace_system_identifier(clone, marker.system_identifier));
    }
    TRY(process::run_checked({.argv = {plan.binaries.program("pg_resetwal"), "-D", clone.string()}}, clock, deadline));
    TRY(postgres::remove_foreign_wal(clone));
    marker.steps.emplace_back("wal");
    return {};
}

}  // namespace

Result<process::Isolation> choose_isolation(const patroni::QuarantineSettings& settings) {
    Result<process::Isolation> isolation = process::find_isolation();
    // A namespace needs no filter, but our own sessions do: a process with threads enters no namespace.
    const Status own = isolation ? process::try_isolation(process::Isolation::socket_filter) : Status();
    if (isolation && own) return isolation;
    Error error = isolation ? in_context(own.error(), "this process cannot be cut off from the network")
                            : std::move(isolation).error();
    if (settings.isolation.value == patroni::QuarantineIsolation::required) {
        error.hint += " Or let polygon.quarantine.isolation be 'preferred': what acts in the clone can then call out.";
        return error;
    }
    log_warning("the quarantine can reach the network",
                {{"isolation", "none"}, {"because", error.message}, {"configured", settings.isolation.origin}});
    return process::Isolation::none;
}

Status require_clean_shutdown(const postgres::Path& data_directory) {
    const postgres::ControlFile control = TRY(postgres::read_control_file(data_directory));
    if (control.state == postgres::ClusterState::shut_down) return {};
    return Error{Errc::data_directory_invalid,
                 fmt::format("the clone in '{}' was not shut down cleanly", data_directory.string()), ""};
}

Status quarantine(const Plan& plan, postgres::GenerationMarker& marker, Progress& progress, Clock& clock) {
    const Deadline deadline(clock, plan.settings.quarantine.timeout.value);
    const postgres::Path& clone = plan.places.staged;
    marker.source_system_identifier = TRY(postgres::read_control_file(clone)).system_identifier;
    marker.system_identifier = marker.source_system_identifier;
    TRY(fs::write_file_durably(clone / "recovery.signal", ""));
    TRY(fs::write_file_durably(clone / "postgresql.auto.conf",
                               ""));  // read from the data directory, wherever the rest is
    const process::Isolation isolation = TRY(choose_isolation(plan.settings.quarantine));
    record_isolation(plan, isolation, marker);
    const postgres::ServerParameters parameters = quarantine_parameters(plan, marker);
    std::optional<process::Orphans> fetchers;
    if (fetches_wal(plan)) fetchers.emplace();
    postgres::PrivateServer server = TRY(prepare_server(plan, parameters, isolation));
    if (Status recovered = recover(server, plan, clock, deadline); !recovered)
        return explain_failed_preload(std::move(recovered).error(), parameters.at(kPreload));
    if (fetchers) {
        if (Status restarted = restart_isolated(server, *fetchers, parameters, isolation, clock, deadline); !restarted)
            return explain_failed_preload(std::move(restarted).error(), parameters.at(kPreload));
    }
    // The server may be started anew in there, and ends with the thread that did that at the latest.
    TRY(run_cut_off(isolation, [&]() -> Status {
        TRY(sanitise(server, plan, marker, clock, deadline));
        TRY(mask(server, plan, isolation, marker, progress, clock, deadline));
        TRY(rewrite(server, plan, marker, deadline));
        return server.stop(clock, deadline);
    }));
    TRY(require_clean_shutdown(clone));
    return replace_wal(plan, marker, clock, deadline);
}

}  // namespace polygon::bootstrap
