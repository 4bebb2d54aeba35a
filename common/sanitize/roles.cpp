#include "common/sanitize/roles.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/rand.h>

#include "common/sanitize/verifier.h"

namespace polygon::sanitize {
namespace {

constexpr const char* kVerifierHash =
    "pg_catalog.encode(pg_catalog.sha256(pg_catalog.convert_to(rolpassword, 'UTF8')), 'hex')";

struct ExistingRole {
    std::string name;
    std::optional<std::string> verifier;
    std::optional<std::string> verifier_sha256;
    bool is_bootstrap_superuser = false;
};

// PostgreSQL's own roles are pg_*, a prefix that it keeps for itself; the bootstrap superuser has oid 10.
Result<std::vector<ExistingRole>> read_roles(postgres::Connection& session) {
    std::vector<ExistingRole> roles;
    const std::string sql = fmt::format(
        "SELECT rolname, rolpassword, {}, oid = 10 FROM pg_catalog.pg_authid WHERE rolname !~ '^pg_' ORDER BY rolname",
        kVerifierHash);
    for (const postgres::Row& row : TRY(session.query(sql))) {
        roles.push_back(
            {.name = *row[0], .verifier = row[1], .verifier_sha256 = row[2], .is_bootstrap_superuser = row[3] == "t"});
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

// A password that was copied from production's configuration would get a verifier of its own here, and open both.
Status check_password(const ExistingRole& existing, const NamedRole& role) {
    if (existing.name != role.name || !existing.verifier || !opens(*existing.verifier, role.name, role.password))
        return {};
    return Error{Errc::not_proven,
                 fmt::format("the password of role '{}' ({}) is production's", role.name, role.origin),
                 "Give the polygon a password of its own."};
}

Status check_plan(const std::vector<ExistingRole>& roles, const RolePlan& plan) {
    for (const NamedRole& role : plan.named) {
        if (role.if_missing == IfMissing::fail && !has_role(roles, role.name)) return missing(role.name, role.origin);
        for (const ExistingRole& existing : roles)
            TRY(check_password(existing, role));
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

// What production had set for Patroni's own roles would be in force in Patroni's sessions: a read-only default, say,
// makes its bootstrap fail.
Status reset_settings(postgres::Connection& session, const std::string& role) {
    TRY(session.execute(fmt::format("ALTER ROLE {} RESET ALL", role)));
    return session.execute(fmt::format("ALTER ROLE {} IN DATABASE postgres RESET ALL", role));
}

Status set_role(postgres::Connection& session, const NamedRole& role, bool exists) {
    const std::string quoted = session.quote_identifier(role.name);
    std::string verifier = "NULL";
    if (!role.password.is_empty())
        verifier = session.quote_literal(TRY(session.make_verifier(role.name, role.password)));
    TRY(session.execute(fmt::format("{} ROLE {} WITH {} VALID UNTIL 'infinity' PASSWORD {}",
                                    exists ? "ALTER" : "CREATE", quoted, attributes_of(role.privilege), verifier)));
    if (role.if_missing == IfMissing::fail) return {};
    TRY(session.execute(fmt::format("ALTER ROLE {} CONNECTION LIMIT -1", quoted)));
    return reset_settings(session, quoted);
}

Status lock_role(postgres::Connection& session, const ExistingRole& role) {
    return session.execute(fmt::format("ALTER ROLE {} WITH NOLOGIN NOREPLICATION {} PASSWORD NULL",
                                       session.quote_identifier(role.name),
                                       role.is_bootstrap_superuser ? "" : "NOSUPERUSER"));
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
    return session.execute(fmt::format("ALTER ROLE {} WITH PASSWORD {}", session.quote_identifier(role.name),
                                       session.quote_literal(verifier)));
}

Status apply_unlisted(postgres::Connection& session, const ExistingRole& role, Unlisted unlisted,
                      RoleOutcome& outcome) {
    switch (unlisted) {
        case Unlisted::lock:
            outcome.locked.push_back(role.name);
            return lock_role(session, role);
        case Unlisted::rotate:
            outcome.rotated.push_back(role.name);
            return rotate_role(session, role);
        case Unlisted::keep:
            outcome.kept.push_back(role.name);
            return {};
    }
    return {};
}

Result<RoleOutcome> apply_in_transaction(postgres::Connection& session, const RolePlan& plan) {
    const std::vector<ExistingRole> existing = TRY(read_roles(session));
    TRY(check_plan(existing, plan));
    RoleOutcome outcome;
    std::set<std::string> named;
    for (const NamedRole& role : plan.named) {
        const bool is_new_here = named.insert(role.name).second;
        TRY(in_context(set_role(session, role, has_role(existing, role.name) || !is_new_here),
                       fmt::format("cannot set role '{}'", role.name)));
        if (is_new_here) outcome.named.push_back(role.name);
    }
    TRY(session.execute("ALTER DATABASE postgres RESET ALL"));
    std::set<std::string> kept(plan.keep.begin(), plan.keep.end());
    for (const ExistingRole& role : existing) {
        if (named.contains(role.name)) continue;
        if (kept.contains(role.name)) {
            outcome.kept.push_back(role.name);
        } else {
            TRY(in_context(apply_unlisted(session, role, plan.unlisted, outcome),
                           fmt::format("cannot change role '{}'", role.name)));
        }
    }
    kept.insert(outcome.kept.begin(), outcome.kept.end());
    for (const ExistingRole& role : existing) {
        if (role.verifier_sha256 && (named.contains(role.name) || !kept.contains(role.name))) {
            outcome.production_verifiers.push_back(*role.verifier_sha256);
        }
    }
    const std::vector<std::string> holders = TRY(find_roles_with_verifiers(session, outcome.production_verifiers));
    if (holders.empty()) return outcome;
    return Error{Errc::not_proven,
                 fmt::format("production's passwords would still open role {}", fmt::join(holders, ", ")),
                 "Two roles of production share a verifier; list both in roles.passwords."};
}

}  // namespace

Result<RoleOutcome> apply_roles(postgres::Connection& session, const RolePlan& plan) {
    TRY(session.execute("BEGIN"));
    Result<RoleOutcome> outcome = apply_in_transaction(session, plan);
    TRY(session.execute(outcome ? "COMMIT" : "ROLLBACK"));
    return outcome;
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
