#include "common/sanitize/evidence.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/sanitize/left_settings.h"
#include "common/sanitize/roles.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::GenerationMarker;

std::string list_or(const std::vector<std::string>& names, std::string_view none) {
    return names.empty() ? std::string(none) : fmt::format("{}", fmt::join(names, ", "));
}

Result<Check> check_recovery(Connection& session) {
    const bool is_in_recovery = TRY(session.value("SELECT pg_catalog.pg_is_in_recovery()")) == "t";
    return Check{"leader", !is_in_recovery, is_in_recovery ? "still in recovery" : "accepts writes"};
}

Result<Check> check_system_identifier(Connection& session, const GenerationMarker& marker) {
    const std::string seen = TRY(session.value("SELECT system_identifier::text FROM pg_catalog.pg_control_system()"));
    const std::string source = std::to_string(marker.source_system_identifier);
    const bool is_kept = marker.system_identifier == marker.source_system_identifier;
    Check check{"system identifier", seen == std::to_string(marker.system_identifier), ""};
    check.detail = is_kept ? fmt::format("{}, production's, as system_identifier: keep wants", seen)
                           : fmt::format("{}, production's is {}", seen, source);
    if (!check.holds) check.detail += fmt::format("; polygon.json says {}", marker.system_identifier);
    return check;
}

Result<Check> check_verifiers(Connection& session, const GenerationMarker& marker) {
    const auto holders = TRY(find_roles_with_verifiers(session, marker.production_verifiers));
    return Check{"production's passwords", holders.empty(),
                 holders.empty() ? fmt::format("none of {} opens a role; kept on purpose: {}",
                                               marker.production_verifiers.size(), list_or(marker.kept_roles, "none"))
                                 : "still open " + list_or(holders, "")};
}

Result<Check> check_locked_roles(Connection& session, const GenerationMarker& marker) {
    std::vector<std::string> open;
    for (const std::string& role : marker.locked_roles) {
        const std::string sql =
            "SELECT count(*) FROM pg_catalog.pg_authid WHERE rolname = $1 AND (rolcanlogin OR rolpassword IS NOT NULL)";
        if (TRY(session.value(sql, {role})) != "0") open.push_back(role);
    }
    return Check{"roles locked", open.empty(),
                 open.empty() ? list_or(marker.locked_roles, "none") : "open again: " + list_or(open, "")};
}

Result<Check> check_none(Connection& session, std::string name, const std::string& sql) {
    const auto found = TRY(session.column(sql));
    return Check{std::move(name), found.empty(), list_or(found, "none")};
}

Check check_backup(const GenerationMarker& marker) {
    return {"backup verified", marker.is_backup_verified,
            marker.is_backup_verified ? "each file, by backup_manifest" : "no: it had no backup_manifest",
            Weight::advisory};
}

// As the quarantine found them: they are of production's data, and what has been reindexed since is not known.
Check check_collations(const GenerationMarker& marker) {
    return {"collation versions", marker.collations.empty(),
            marker.collations.empty() ? "as recorded in the backup"
                                      : fmt::format("as restored: {}", fmt::join(marker.collations, "; ")),
            Weight::advisory};
}

// Nothing to refuse a polygon for: they are not carried over on purpose.
Check check_left_settings(const GenerationMarker& marker) {
    return {"production's settings", true, describe_left_settings(marker), Weight::advisory};
}

Result<Check> check_archiving(Connection& session) {
    const std::string mode = TRY(session.value("SELECT pg_catalog.current_setting('archive_mode')"));
    const std::string command = TRY(session.value("SELECT pg_catalog.current_setting('archive_command')"));
    const std::string source = TRY(session.value(
        "SELECT COALESCE(sourcefile, source) FROM pg_catalog.pg_settings WHERE name = 'archive_command'"));
    // Patroni's configuration alone rules: production's ALTER SYSTEM would come from postgresql.auto.conf.
    const bool is_foreign = source.ends_with("postgresql.auto.conf");
    return Check{
        "archiving", !is_foreign,
        mode == "off" ? "off" : fmt::format("archive_mode {}, archive_command '{}' from {}", mode, command, source)};
}

}  // namespace

Result<std::vector<Check>> collect_evidence(Connection& session, const GenerationMarker& marker) {
    std::vector<Check> checks;
    checks.push_back(TRY(check_recovery(session)));
    checks.push_back(TRY(check_system_identifier(session, marker)));
    checks.push_back(TRY(check_verifiers(session, marker)));
    checks.push_back(TRY(check_locked_roles(session, marker)));
    checks.push_back(TRY(check_archiving(session)));
    checks.push_back(
        TRY(check_none(session, "subscriptions to production",
                       "SELECT subname FROM pg_catalog.pg_subscription WHERE subenabled OR subslotname IS NOT NULL")));
    checks.push_back(
        TRY(check_none(session, "logical slots",
                       "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE slot_type = 'logical'")));
    checks.push_back(TRY(check_none(session, "prepared transactions", "SELECT gid FROM pg_catalog.pg_prepared_xacts")));
    checks.push_back(check_backup(marker));
    checks.push_back(check_collations(marker));
    checks.push_back(check_left_settings(marker));
    return checks;
}

Status require_all(const std::vector<Check>& checks) {
    std::vector<std::string> failed;
    for (const Check& check : checks) {
        if (!check.holds && check.weight == Weight::required)
            failed.push_back(fmt::format("{}: {}", check.name, check.detail));
    }
    if (failed.empty()) return {};
    return Error{Errc::not_proven, fmt::format("not proven: {}", fmt::join(failed, "; ")),
                 "Nobody should use this polygon before it is."};
}

}  // namespace polygon::sanitize
