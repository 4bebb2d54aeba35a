#include "common/sanitize/roles.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/rand.h>

#include "common/sanitize/shared_names.h"
#include "common/sanitize/verifier.h"

namespace polygon::sanitize {
namespace {

constexpr const char* kVerifierHash =
    "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(rolpassword, 'UTF8')), 'hex')";

struct ExistingRole {
    std::string name;
    std::optional<std::string> verifier;
    std::optional<std::string> verifier_sha256;
    bool is_superuser = false;
    bool is_bootstrap_superuser = false;
};

// PostgreSQL's own roles are pg_*, a prefix that it keeps for itself; the bootstrap superuser has oid 10.
Result<std::vector<ExistingRole>> read_roles(postgres::Connection& session) {
    std::vector<ExistingRole> roles;
    const std::string sql = fmt::format(
        "SELECT rolname, rolpassword, {}, rolsuper, oid = 10 FROM pg_catalog.pg_authid WHERE rolname !~ '^pg_' ORDER "
        "BY rolname",
        kVerifierHash);
    for (const postgres::Row& row : TRY(session.query(sql))) {
        roles.push_back({.name = *row[0],
                         .verifier = row[1],
                         .verifier_sha256 = row[2],
                         .is_superuser = row[3] == "t",
                         .is_bootstrap_superuser = row[4] == "t"});
    }
    return roles;
}

bool has_role(const std::vector<ExistingRole>& roles, const std::string& name) {
    return std::any_of(roles.begin(), roles.end(), [&](const ExistingRole& role) { return role.name == name; });
}

Error missing(const std::string& name, const std::string& origin) {
    return {Errc::role_missing, fmt::format("role '{}' ({}) does not exist in the backup", name, origin),
            "Correct the name, or take it out of the polygon section."};
}

// Whether what the role holds is production's, and not what this product or Patroni has put there.
bool holds_production_verifier(const ExistingRole& role, const RolePlan& plan) {
    if (!role.verifier || role.name == plan.set_before) return false;
    if (!plan.known_verifiers) return true;
    const auto& known = *plan.known_verifiers;
    return std::find(known.begin(), known.end(), *role.verifier_sha256) != known.end();
}

// A password that was copied from production's configuration would get a verifier of its own here, and open both.
Status check_password(const ExistingRole& existing, const NamedRole& role, const RolePlan& plan) {
    if (existing.name != role.name || !holds_production_verifier(existing, plan) ||
        !opens(*existing.verifier, role.name, role.password)) {
        return {};
    }
    return Error{Errc::not_proven,
                 fmt::format("the password of role '{}' ({}) is production's", role.name, role.origin),
                 "Give the polygon a password of its own."};
}

Status check_plan(const std::vector<ExistingRole>& roles, const RolePlan& plan) {
    for (const NamedRole& role : plan.named) {
        if (role.if_missing == IfMissing::fail && !has_role(roles, role.name)) return missing(role.name, role.origin);
        for (const ExistingRole& existing : roles)
            TRY(check_password(existing, role, plan));
    }
    for (const std::string& name : plan.keep) {
        if (!has_role(roles, name)) return missing(name, "roles.keep");
    }
    return {};
}

std::string attributes_of(Privilege privilege) {
    switch (privilege) {
        case Privilege::superuser:
            return "LOGIN SUPERUSER";
        case Privilege::replication:
            return "LOGIN REPLICATION";
        case Privilege::none:
            return "LOGIN";
    }
    return "LOGIN";
}

Status set_role(postgres::Connection& session, const NamedRole& role, bool exists) {
    const std::string quoted = session.quote_identifier(role.name);
    std::string verifier = "NULL";
    if (!role.password.is_empty())
        verifier = session.quote_literal(TRY(session.make_verifier(role.name, role.password)));
    TRY(session.execute(fmt::format("{} ROLE {} WITH {} VALID UNTIL 'infinity' PASSWORD {}",
                                    exists ? "ALTER" : "CREATE", quoted, attributes_of(role.privilege), verifier)));
    if (role.if_missing == IfMissing::fail) return {};
    return session.execute(fmt::format("ALTER ROLE {} CONNECTION LIMIT -1", quoted));
}

Status lock_role(postgres::Connection& session, const ExistingRole& role) {
    return execute_on(session, {sql("ALTER ROLE "), role_named(role.name),
                                sql(fmt::format(" WITH NOLOGIN NOREPLICATION {} PASSWORD NULL",
                                                role.is_bootstrap_superuser ? "" : "NOSUPERUSER"))});
}

Result<Secret> make_random_password() {
    std::array<unsigned char, 24> bytes;
    if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
        return Error{Errc::internal, "the random number generator of libcrypto failed", ""};
    }
    return Secret(fmt::format("{:02x}", fmt::join(bytes, "")));
}

Status rotate_role(postgres::Connection& session, const ExistingRole& role) {
    if (!role.verifier_sha256) return {};
    const std::string verifier = TRY(session.make_verifier(role.name, TRY(make_random_password())));
    return execute_on(
        session, {sql("ALTER ROLE "), role_named(role.name), sql(" WITH PASSWORD " + session.quote_literal(verifier))});
}

Status demote(postgres::Connection& session, const ExistingRole& role, RoleOutcome& outcome) {
    if (!role.is_superuser || role.is_bootstrap_superuser) return {};
    outcome.demoted.push_back(role.name);
    return execute_on(session, {sql("ALTER ROLE "), role_named(role.name), sql(" WITH NOSUPERUSER")});
}

// The bootstrap superuser cannot be demoted: under any of the three nobody logs in as him.
Status apply_unlisted(postgres::Connection& session, const ExistingRole& role, patroni::UnlistedRoles unlisted,
                      RoleOutcome& outcome) {
    using patroni::UnlistedRoles;
    TRY(demote(session, role, outcome));
    if (unlisted == UnlistedRoles::lock || role.is_bootstrap_superuser) {
        outcome.locked.push_back(role.name);
        return lock_role(session, role);
    }
    if (unlisted == UnlistedRoles::rotate) {
        outcome.rotated.push_back(role.name);
        return rotate_role(session, role);
    }
    outcome.kept.push_back(role.name);
    return {};
}

// Gives the names that the plan knows.
Result<std::set<std::string>> set_named(postgres::Connection& session, const std::vector<ExistingRole>& existing,
                                        const RolePlan& plan, RoleOutcome& outcome) {
    std::set<std::string> named;
    for (const NamedRole& role : plan.named) {
        const bool is_new_here = named.insert(role.name).second;
        TRY(in_context(set_role(session, role, has_role(existing, role.name) || !is_new_here),
                       fmt::format("cannot set role '{}'", role.name)));
        if (is_new_here) outcome.named.push_back(role.name);
    }
    return named;
}

// Those that no role may hold again: of the kept roles they may go on.
std::vector<std::string> collect_verifiers(const std::vector<ExistingRole>& existing, const RolePlan& plan,
                                           const std::vector<std::string>& kept) {
    std::set<std::string> verifiers;
    if (plan.known_verifiers) verifiers.insert(plan.known_verifiers->begin(), plan.known_verifiers->end());
    for (const ExistingRole& role : existing) {
        if (holds_production_verifier(role, plan)) verifiers.insert(*role.verifier_sha256);
    }
    for (const ExistingRole& role : existing) {
        const bool is_kept = std::find(kept.begin(), kept.end(), role.name) != kept.end();
        if (is_kept && role.verifier_sha256) verifiers.erase(*role.verifier_sha256);
    }
    return {verifiers.begin(), verifiers.end()};
}

Result<RoleOutcome> apply_in_transaction(postgres::Connection& session, const RolePlan& plan) {
    const std::vector<ExistingRole> existing = TRY(read_roles(session));
    TRY(check_plan(existing, plan));
    RoleOutcome outcome;
    const std::set<std::string> named = TRY(set_named(session, existing, plan, outcome));
    const std::set<std::string> kept(plan.keep.begin(), plan.keep.end());
    for (const ExistingRole& role : existing) {
        if (named.contains(role.name)) continue;
        if (kept.contains(role.name)) {
            outcome.kept.push_back(role.name);
        } else {
            TRY(in_context(apply_unlisted(session, role, plan.unlisted, outcome),
                           fmt::format("cannot change role '{}'", role.name)));
        }
    }
    outcome.production_verifiers = collect_verifiers(existing, plan, outcome.kept);
    const std::vector<std::string> holders = TRY(find_roles_with_verifiers(session, outcome.production_verifiers));
    outcome.superusers =
        TRY(session.column("SELECT rolname FROM pg_catalog.pg_authid WHERE rolsuper ORDER BY rolname"));
    if (holders.empty()) return outcome;
    return Error{Errc::not_proven,
                 fmt::format("production's passwords would still open role {}", fmt::join(holders, ", ")),
                 "Give the role a password of the polygon's in roles.passwords."};
}

}  // namespace

Result<RoleOutcome> apply_roles(postgres::Connection& session, const RolePlan& plan) {
    TRY(session.execute("BEGIN"));
    Result<RoleOutcome> outcome = apply_in_transaction(session, plan);
    TRY(session.execute(outcome ? "COMMIT" : "ROLLBACK"));
    return outcome;
}

Result<std::vector<std::string>> read_verifiers(postgres::Connection& session, const std::string& but_of) {
    return session.column(
        fmt::format("SELECT {} FROM pg_catalog.pg_authid WHERE rolpassword IS NOT NULL AND rolname <> $1 ORDER BY 1",
                    kVerifierHash),
        {but_of});
}

Result<std::vector<std::string>> find_roles_with_verifiers(postgres::Connection& session,
                                                           const std::vector<std::string>& verifiers_sha256) {
    // Hexadecimal digits need no quoting in an array.
    const std::string array = fmt::format("{{{}}}", fmt::join(verifiers_sha256, ","));
    return session.column(
        fmt::format("SELECT rolname FROM pg_catalog.pg_authid WHERE {} = ANY ($1::text[]) ORDER BY rolname",
                    kVerifierHash),
        {array});
}

}  // namespace polygon::sanitize
