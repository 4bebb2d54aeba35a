#include "common/sanitize/sanitise.h"

#include <set>

#include <fmt/format.h>

#include "common/base/log.h"
#include "common/base/printable.h"
#include "common/sanitize/collations.h"
#include "common/sanitize/ties/session_settings.h"

namespace polygon::sanitize {
namespace {

using postgres::Connection;
using postgres::GenerationMarker;

void append(Lines& to, const Lines& from) {
    for (const std::string& line : from)
        to.push_back(printable(line));
}

std::set<std::string> patronis(const Policy& policy) {
    std::set<std::string> names;
    for (const NamedRole& role : policy.roles.named) {
        if (role.if_missing == IfMissing::create) names.insert(role.name);
    }
    return names;
}

void record_settings(const Lines& reset, GenerationMarker& marker) {
    for (const std::string& line : reset)
        marker.disarmed.push_back("reset " + printable(line));
}

// JSON holds UTF-8 alone, and a role's name need not be any (shared_names.h).
std::vector<std::string> readable(const std::vector<std::string>& names) {
    std::vector<std::string> written;
    for (const std::string& name : names)
        written.push_back(printable(name));
    return written;
}

void record_roles(RoleOutcome outcome, GenerationMarker& marker) {
    for (const std::string& role : outcome.demoted)
        marker.disarmed.push_back(fmt::format("role {}: no longer a superuser", printable(role)));
    for (const std::string& role : outcome.kept)
        marker.left.push_back(
            fmt::format("role {}: opened by production's password, as polygon.roles wants", printable(role)));
    marker.named_roles = readable(outcome.named);
    marker.locked_roles = readable(outcome.locked);
    marker.rotated_roles = readable(outcome.rotated);
    marker.kept_roles = readable(outcome.kept);
    marker.production_verifiers = std::move(outcome.production_verifiers);
    marker.superusers = readable(outcome.superusers);
}

void record_kept_ties(const TiePlan& plan, GenerationMarker& marker) {
    marker.kept_ties.clear();
    if (plan.jobs == patroni::Jobs::keep) marker.kept_ties.push_back("jobs");
    if (plan.foreign_servers == patroni::ForeignServers::keep) marker.kept_ties.push_back("foreign_servers");
    for (const std::string& extension : plan.kept_extensions)
        marker.kept_ties.push_back("extension " + extension);
}

void log_findings(const GenerationMarker& marker) {
    for (const std::string& line : marker.disarmed)
        log_info("disarmed: " + line);
    for (const std::string& line : marker.left)
        log_info("left as it is: " + line);
    for (const std::string& line : marker.collations)
        log_warning(line);
    log_info("roles are the polygon's", {{"with_password", marker.named_roles.size()},
                                         {"locked", marker.locked_roles.size()},
                                         {"rotated", marker.rotated_roles.size()},
                                         {"kept", marker.kept_roles.size()}});
}

}  // namespace

Status sanitise(const ConnectTo& connect_to, const Policy& policy, Repeat repeat, GenerationMarker& marker,
                const SaveMarker& save) {
    Connection session = TRY(connect_to("postgres"));
    TRY(run_step(marker, "ties", save, [&]() -> Status {
        TRY(check_databases(session, policy.databases, repeat));
        const Findings ties = TRY(cut_ties(connect_to, policy.ties));
        append(marker.disarmed, ties.disarmed);
        append(marker.left, ties.left);
        record_kept_ties(policy.ties, marker);
        return {};
    }));
    TRY(run_step(marker, "databases", save, [&]() -> Status {
        append(marker.disarmed, TRY(drop_and_rename(session, policy.databases)));
        return {};
    }));
    TRY(run_step(marker, "settings", save, [&]() -> Status {
        record_settings(TRY(reset_settings(session, patronis(policy))), marker);
        return {};
    }));
    TRY(run_step(marker, "collations", save, [&]() -> Status {
        marker.collations = TRY(compare_collations(connect_to));
        return {};
    }));
    TRY(run_step(marker, "roles", save, [&]() -> Status {
        record_roles(TRY(apply_roles(session, policy.roles)), marker);
        return {};
    }));
    log_findings(marker);
    return {};
}

}  // namespace polygon::sanitize
