#include "common/sanitize/evidence.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "common/base/printable.h"
#include "common/sanitize/left_settings.h"
#include "common/sanitize/roles.h"
#include "common/sanitize/ties/session_settings.h"
#include "common/sanitize/ties/ties.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::GenerationMarker;

std::string list_or(const std::vector<std::string>& names, std::string_view none) {
    return names.empty() ? std::string(none) : fmt::format("{}", fmt::join(names, ", "));
}

// The first ones; polygon.json has all.
std::string list_first(const std::vector<std::string>& names) {
    constexpr std::size_t kMost = 20;
    if (names.size() <= kMost) return fmt::format("{}", fmt::join(names, ", "));
    return fmt::format("{} and {} more", fmt::join(names.begin(), names.begin() + kMost, ", "), names.size() - kMost);
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

// polygon.json has names as they are printed.
bool is_among(const std::vector<std::string>& roles, const std::string& name) {
    return std::find(roles.begin(), roles.end(), printable(name)) != roles.end();
}

Result<Check> check_locked_roles(Connection& session, const GenerationMarker& marker) {
    std::vector<std::string> open;
    for (std::string& role : TRY(session.column(
             "SELECT rolname FROM pg_catalog.pg_authid WHERE rolcanlogin OR rolpassword IS NOT NULL ORDER BY 1"))) {
        if (is_among(marker.locked_roles, role)) open.push_back(std::move(role));
    }
    return Check{"roles locked", open.empty(),
                 open.empty() ? list_or(marker.locked_roles, "none") : "open again: " + list_or(open, "")};
}

// That there is nothing of a kind which the quarantine has removed, but which testers may make again.
class Absence {
  public:
    Absence(Connection& session, const GenerationMarker& marker, Moment moment)
        : session_(session), marker_(marker), moment_(moment) {}

    Check of(std::string name, const Lines& found) const {
        Check check{std::move(name), found.empty(), list_or(found, "none")};
        if (moment_ == Moment::bootstrap) return check;
        check.weight = Weight::advisory;
        if (!check.holds) check.detail = "made since the rebuild: " + check.detail;
        return check;
    }

    Result<Check> of_query(std::string name, const std::string& sql) const {
        return of(std::move(name), TRY(session_.column(sql)));
    }

    // Of what `kept_ties` may name: then any number is right.
    Check unless_kept(std::string name, const std::string& tie, const Lines& found) const {
        const auto& kept = marker_.kept_ties;
        if (std::find(kept.begin(), kept.end(), tie) == kept.end()) return of(std::move(name), found);
        return {std::move(name), true, fmt::format("kept, as polygon.{} wants: {}", tie, list_or(found, "none"))};
    }

  private:
    Connection& session_;
    const GenerationMarker& marker_;
    Moment moment_;
};

Result<Check> check_superusers(Connection& session, const GenerationMarker& marker, const Absence& absence) {
    Lines others;
    for (const std::string& role :
         TRY(session.column("SELECT rolname FROM pg_catalog.pg_authid WHERE rolsuper ORDER BY rolname"))) {
        if (!is_among(marker.superusers, role)) others.push_back(role);
    }
    Check check = absence.of("superusers", others);
    if (check.holds) check.detail = fmt::format("none but {}", list_or(marker.superusers, "none"));
    return check;
}

Check check_backup(const GenerationMarker& marker) {
    return {"backup verified", marker.is_backup_verified,
            marker.is_backup_verified ? "each file, by backup_manifest" : "no: it had no backup_manifest",
            Weight::advisory};
}

Check check_quarantine(const GenerationMarker& marker) {
    return {"quarantine", marker.is_quarantined,
            marker.is_quarantined ? "passed before Patroni's first start"
                                  : "none: the clone was sanitised after Patroni had started it",
            Weight::advisory};
}

// As the quarantine found them: they are of production's data, and what has been reindexed since is not known.
Check check_collations(const GenerationMarker& marker) {
    return {"collation versions", marker.collations.empty(),
            marker.collations.empty() ? "as recorded in the backup"
                                      : fmt::format("as restored: {}", fmt::join(marker.collations, "; ")),
            Weight::advisory};
}

// "network namespace, from the end of recovery on" is told of as "a network namespace of its own, from the ...".
std::string describe_isolation(const std::string& isolation) {
    struct Wording {
        std::string_view recorded;
        std::string_view told;
    };
    for (const Wording& wording :
         {Wording{"network namespace", "a network namespace of its own"},
          Wording{"socket filter", "a socket filter: none but local sockets"},
          Wording{"none", "not isolated: this kernel allows neither a namespace nor a filter"}}) {
        if (isolation.starts_with(wording.recorded))
            return std::string(wording.told) + isolation.substr(wording.recorded.size());
    }
    return isolation.empty() ? "not recorded" : isolation;
}

// What was run is told, not whether it was enough: that the user's SQL alone can know.
Check check_masking(const GenerationMarker& marker) {
    return {"masking", true,
            marker.sql.empty()
                ? "none configured"
                : fmt::format("{} of SQL: {}",
                              marker.sql.size() == 1 ? "one run" : fmt::format("{} runs", marker.sql.size()),
                              fmt::join(marker.sql, "; "))};
}

// Files that a masking file has left with what was there before it, for whoever reads the files themselves.
Check check_old_rows(const GenerationMarker& marker) {
    return {"old row versions", marker.old_rows.empty(),
            marker.old_rows.empty()
                ? "masking has left none"
                : fmt::format("with what was there before masking, in {}", list_first(marker.old_rows)),
            Weight::advisory};
}

Check check_views(const GenerationMarker& marker) {
    return {"materialized views", marker.unrefreshed.empty(),
            marker.unrefreshed.empty() ? "none holds rows of before masking"
                                       : fmt::format("with rows of before masking: {}", list_first(marker.unrefreshed)),
            Weight::advisory};
}

// Of versions before it there is no record.
Check check_removed(const GenerationMarker& marker) {
    const auto is_done = [&](const char* step) {
        return std::find(marker.steps.begin(), marker.steps.end(), step) != marker.steps.end();
    };
    const auto wal = std::find_if(marker.left.begin(), marker.left.end(),
                                  [](const std::string& line) { return line.starts_with(kWalLeft); });
    if (wal != marker.left.end()) return {"removed from files", false, *wal, Weight::advisory};
    const bool holds = is_done("catalogs") && is_done("wal");
    return {"removed from files", holds,
            holds ? "catalogs are rewritten, production's WAL is gone" : "not recorded: dead rows and WAL may hold it",
            Weight::advisory};
}

// Nothing to refuse a polygon for: they are not carried over on purpose.
Check check_left_settings(const GenerationMarker& marker) {
    return {"production's settings", true, describe_left_settings(marker), Weight::advisory};
}

// In full in polygon.json: a folder may hold many.
Check check_excluded_files(const GenerationMarker& marker) {
    constexpr std::size_t kMost = 20;
    const std::vector<std::string>& all = marker.excluded;
    std::vector<std::string> told(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(std::min(all.size(), kMost)));
    if (told.size() < all.size()) told.push_back(fmt::format("and {} more", all.size() - told.size()));
    return {"excluded files", true, list_or(told, "none"), Weight::advisory};
}

Result<Check> check_archiving(Connection& session) {
    const std::string mode = TRY(session.value("SELECT pg_catalog.current_setting('archive_mode')"));
    const std::string source = TRY(session.value(
        "SELECT COALESCE(sourcefile, source) FROM pg_catalog.pg_settings WHERE name = 'archive_command'"));
    // Patroni's configuration alone rules: production's ALTER SYSTEM would come from postgresql.auto.conf.
    const bool is_foreign = source.ends_with("postgresql.auto.conf");
    // The command itself may hold a password.
    return Check{"archiving", !is_foreign,
                 mode == "off" ? "off" : fmt::format("archive_mode {}, archive_command from {}", mode, source)};
}

Extensions kept_extensions(const GenerationMarker& marker) {
    constexpr std::string_view kPrefix = "extension ";
    Extensions kept;
    for (const std::string& tie : marker.kept_ties) {
        if (tie.starts_with(kPrefix)) kept.insert(tie.substr(kPrefix.size()));
    }
    return kept;
}

// What tied production's data to other systems.
Status add_ties(std::vector<Check>& checks, const Absence& absence, const ConnectTo& connect_to, Connection& session,
                const GenerationMarker& marker) {
    checks.push_back(TRY(absence.of_query(
        "subscriptions",
        "SELECT subname FROM pg_catalog.pg_subscription WHERE subenabled OR subslotname IS NOT NULL")));
    checks.push_back(TRY(absence.of_query(
        "logical slots", "SELECT slot_name FROM pg_catalog.pg_replication_slots WHERE slot_type = 'logical'")));
    checks.push_back(
        TRY(absence.of_query("prepared transactions", "SELECT gid FROM pg_catalog.pg_prepared_xacts ORDER BY gid")));
    const RemainingTies ties = TRY(find_ties(connect_to, kept_extensions(marker)));
    checks.push_back(absence.of("extensions that act by themselves", ties.extensions));
    checks.push_back(absence.unless_kept("jobs", "jobs", ties.jobs));
    checks.push_back(absence.unless_kept("partners' credentials", "foreign_servers", ties.credentials));
    checks.push_back(absence.of("login event triggers", ties.login_triggers));
    checks.push_back(absence.of("settings of roles and databases", TRY(find_settings(session, {}))));
    return {};
}

}  // namespace

Check check_isolation(const GenerationMarker& marker) {
    return {"quarantine's network", !marker.isolation.empty() && marker.isolation != "none",
            describe_isolation(marker.isolation), Weight::advisory};
}

Result<std::vector<Check>> collect_evidence(const ConnectTo& connect_to, const GenerationMarker& marker,
                                            Moment moment) {
    Connection session = TRY(connect_to("postgres"));
    const Absence absence(session, marker, moment);
    std::vector<Check> checks;
    checks.push_back(TRY(check_recovery(session)));
    checks.push_back(TRY(check_system_identifier(session, marker)));
    checks.push_back(TRY(check_verifiers(session, marker)));
    checks.push_back(TRY(check_locked_roles(session, marker)));
    checks.push_back(TRY(check_superusers(session, marker, absence)));
    checks.push_back(TRY(check_archiving(session)));
    TRY(add_ties(checks, absence, connect_to, session, marker));
    checks.push_back(check_quarantine(marker));
    checks.push_back(check_backup(marker));
    checks.push_back(check_isolation(marker));
    checks.push_back(check_collations(marker));
    checks.push_back(check_masking(marker));
    checks.push_back(check_old_rows(marker));
    checks.push_back(check_views(marker));
    checks.push_back(check_removed(marker));
    checks.push_back(check_left_settings(marker));
    checks.push_back(check_excluded_files(marker));
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
