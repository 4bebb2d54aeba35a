#include "common/sanitize/policy.h"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace polygon::sanitize {
namespace {

using patroni::Configuration;
using patroni::PolygonSettings;

std::string superuser_name(const Configuration& configuration) {
    const std::string& name = configuration.postgresql.superuser.username;
    return name.empty() ? "postgres" : name;
}

void add_patroni_role(RolePlan& plan, const patroni::Credentials& credentials, const std::string& name,
                      Privilege privilege) {
    if (name.empty()) return;
    plan.named.push_back({.name = name,
                          .password = credentials.password,
                          .privilege = privilege,
                          .if_missing = IfMissing::create,
                          .origin = "postgresql.authentication"});
}

void add_patroni_roles(RolePlan& plan, const Configuration& configuration) {
    const patroni::PostgresqlSection& postgresql = configuration.postgresql;
    add_patroni_role(plan, postgresql.superuser, superuser_name(configuration), Privilege::superuser);
    add_patroni_role(plan, postgresql.replication, postgresql.replication.username, Privilege::replication);
    if (postgresql.rewind) add_patroni_role(plan, *postgresql.rewind, postgresql.rewind->username, Privilege::none);
}

Status require_not_patronis(const std::vector<NamedRole>& patronis, const patroni::PasswordSource& source) {
    for (const NamedRole& role : patronis) {
        if (role.name != source.role) continue;
        return Error{Errc::configuration,
                     fmt::format("role '{}' of roles.passwords ({}) is one of Patroni's", source.role, source.origin),
                     "Its password comes from postgresql.authentication; take it out of roles.passwords."};
    }
    return {};
}

Result<RolePlan> plan_roles(const Configuration& configuration, const PolygonSettings& settings,
                            const patroni::Environment& environment) {
    RolePlan plan{.keep = settings.roles.keep.value, .unlisted = settings.roles.unlisted.value};
    add_patroni_roles(plan, configuration);
    const std::vector<NamedRole> patronis = plan.named;
    for (const auto& [name, source] : settings.roles.passwords) {
        TRY(require_not_patronis(patronis, source));
        Secret password = TRY(patroni::read_password(source, environment));
        plan.named.push_back({.name = name,
                              .password = std::move(password),
                              .if_missing = IfMissing::fail,
                              .origin = "roles.passwords, " + source.origin});
    }
    return plan;
}

Result<DatabasePlan> plan_databases(const PolygonSettings& settings) {
    DatabasePlan plan{.rename = settings.databases.rename.value,
                      .drop = {settings.databases.drop.value.begin(), settings.databases.drop.value.end()},
                      .rename_origin = settings.databases.rename.origin,
                      .drop_origin = settings.databases.drop.origin};
    TRY(check_plan(plan));
    return plan;
}

// A name that says nothing here would be one that is misspelt.
Result<Extensions> plan_extensions(const PolygonSettings& settings) {
    const auto& keep = settings.extensions.keep;
    const std::vector<std::string> known = acting_extensions();
    for (const std::string& name : keep.value) {
        if (std::find(known.begin(), known.end(), name) != known.end()) continue;
        return Error{Errc::configuration,
                     fmt::format("polygon.extensions.keep ({}) names '{}', which is not known to act by itself",
                                 keep.origin, name),
                     fmt::format("Take it out; {} are known.", fmt::join(known, ", "))};
    }
    return Extensions(keep.value.begin(), keep.value.end());
}

// It would say nothing.
Result<OldRows> plan_old_rows(const PolygonSettings& settings) {
    const auto& rewrite = settings.masking.rewrite;
    if (!rewrite.value) return OldRows::left;
    if (settings.sql.value) return OldRows::rewritten;
    return Error{Errc::configuration, fmt::format("polygon.masking.rewrite ({}) needs polygon.sql", rewrite.origin),
                 "Name the folder of the files that mask the data, or take masking.rewrite out."};
}

}  // namespace

Result<Policy> make_policy(const Configuration& configuration, const PolygonSettings& settings,
                           const patroni::Environment& environment) {
    Policy policy{.superuser = superuser_name(configuration)};
    policy.roles = TRY(plan_roles(configuration, settings, environment));
    policy.databases = TRY(plan_databases(settings));
    policy.ties = {.subscriptions = settings.subscriptions.value,
                   .jobs = settings.jobs.value,
                   .foreign_servers = settings.foreign_servers.value,
                   .to_be_dropped = policy.databases.drop};
    policy.ties.kept_extensions = TRY(plan_extensions(settings));
    if (settings.sql.value) policy.sql = TRY(find_sql_files(*settings.sql.value));
    policy.old_rows = TRY(plan_old_rows(settings));
    return policy;
}

}  // namespace polygon::sanitize
