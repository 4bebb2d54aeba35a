#include "bootstrap/restore/quarantine.h"

#include <fmt/format.h>

#include "bootstrap/restore/preload.h"
#include "bootstrap/restore/recovery.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/private_server.h"
#include "common/process/child.h"
#include "common/sanitize/collations.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr const char* kPreload = "shared_preload_libraries";

// What the user has preloaded replaces our choice of production's.
std::string preload_libraries(const Plan& plan, postgres::GenerationMarker& marker) {
    const auto& chosen_by_user = plan.settings.quarantine.parameters.value;
    if (const auto chosen = chosen_by_user.find(kPreload); chosen != chosen_by_user.end()) return chosen->second;
    const Preload preload = choose_preload(production_preload(marker), postgres::find_library_directory(plan.binaries));
    for (const std::string& line : preload.left)
        log_info(line);
    marker.left.insert(marker.left.end(), preload.left.begin(), preload.left.end());
    return preload.libraries;
}

postgres::ServerParameters quarantine_parameters(const Plan& plan, postgres::GenerationMarker& marker) {
    postgres::ServerParameters parameters = recovery_parameters(plan.settings.recovery);
    parameters["max_prepared_transactions"] = "1000";
    for (const auto& [name, value] : plan.settings.quarantine.parameters.value)
        parameters[name] = value;
    parameters[kPreload] = preload_libraries(plan, marker);
    return parameters;
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

void record_roles(sanitize::RoleOutcome outcome, postgres::GenerationMarker& marker) {
    marker.named_roles = std::move(outcome.named);
    marker.locked_roles = std::move(outcome.locked);
    marker.rotated_roles = std::move(outcome.rotated);
    marker.kept_roles = std::move(outcome.kept);
    marker.production_verifiers = std::move(outcome.production_verifiers);
}

Status sanitise(postgres::PrivateServer& server, const Plan& plan, postgres::GenerationMarker& marker, Clock& clock,
                const Deadline& deadline) {
    postgres::Connection session = TRY(open_session(server, plan.superuser, clock, deadline));
    TRY(require_target_after(marker.backup_time, plan.settings.recovery, session));
    const sanitize::ConnectTo connect_to = [&](const std::string& database) {
        return server.connect(plan.superuser, database);
    };
    marker.disarmed = TRY(sanitize::cut_ties(connect_to, plan.ties));
    for (const std::string& line : marker.disarmed)
        log_info(line);
    marker.collations = TRY(sanitize::compare_collations(connect_to));
    for (const std::string& line : marker.collations)
        log_warning(line);
    record_roles(TRY(sanitize::apply_roles(session, plan.roles)), marker);
    log_info("roles are the polygon's", {{"with_password", marker.named_roles.size()},
                                         {"locked", marker.locked_roles.size()},
                                         {"rotated", marker.rotated_roles.size()},
                                         {"kept", marker.kept_roles.size()}});
    return {};
}

Status require_clean_shutdown(const postgres::Path& data_directory) {
    const postgres::ControlFile control = TRY(postgres::read_control_file(data_directory));
    if (control.state == postgres::ClusterState::shut_down) return {};
    return Error{Errc::data_directory_invalid,
                 fmt::format("the clone in '{}' was not shut down cleanly", data_directory.string()), ""};
}

// What pg_createsubscriber does since PostgreSQL 17: the identifier, then WAL that carries it.
Status renew_system_identifier(const Plan& plan, postgres::GenerationMarker& marker, Clock& clock,
                               const Deadline& deadline) {
    marker.system_identifier = postgres::make_system_identifier();
    TRY(postgres::replace_system_identifier(plan.places.staged, marker.system_identifier));
    TRY(process::run_checked({.argv = {plan.binaries.program("pg_resetwal"), "-D", plan.places.staged.string()}}, clock,
                             deadline));
    return {};
}

}  // namespace

Status quarantine(const Plan& plan, postgres::GenerationMarker& marker, Clock& clock) {
    const Deadline deadline(clock, plan.settings.quarantine.timeout.value);
    const postgres::Path& clone = plan.places.staged;
    marker.source_system_identifier = TRY(postgres::read_control_file(clone)).system_identifier;
    marker.system_identifier = marker.source_system_identifier;
    TRY(fs::write_file_durably(clone / "recovery.signal", ""));
    TRY(fs::write_file_durably(clone / "postgresql.auto.conf",
                               ""));  // read from the data directory, wherever the rest is
    const postgres::ServerParameters parameters = quarantine_parameters(plan, marker);
    postgres::PrivateServer server = TRY(postgres::PrivateServer::prepare(plan.binaries, clone, parameters));
    if (Status recovered = recover(server, plan, clock, deadline); !recovered)
        return explain_failed_preload(std::move(recovered).error(), parameters.at(kPreload));
    TRY(sanitise(server, plan, marker, clock, deadline));
    TRY(server.stop(clock, deadline));
    TRY(require_clean_shutdown(clone));
    if (plan.settings.system_identifier.value == patroni::SystemIdentifier::keep) return {};
    return renew_system_identifier(plan, marker, clock, deadline);
}

}  // namespace polygon::bootstrap
