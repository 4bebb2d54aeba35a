// Who may log in to the clone, and with which password: nobody with one of production's.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

enum class Privilege { none, replication, superuser };
// What becomes of a role that is not there: Patroni's own are created, the others are an error.
enum class IfMissing { create, fail };

struct NamedRole {
    std::string name;
    Secret password;  // empty: none is set, and none works
    Privilege privilege = Privilege::none;
    IfMissing if_missing = IfMissing::fail;
    std::string origin;  // where the configuration names it, for the message
};

enum class Unlisted { lock, rotate, keep };

struct RolePlan {
    std::vector<NamedRole> named;
    std::vector<std::string> keep;
    Unlisted unlisted = Unlisted::lock;
};

struct RoleOutcome {
    std::vector<std::string> named;
    std::vector<std::string> locked;
    std::vector<std::string> rotated;
    std::vector<std::string> kept;
    // SHA-256 of each verifier that production had, but those of `kept`: what no role may hold again.
    std::vector<std::string> production_verifiers;
};

// One transaction over all roles but PostgreSQL's own (pg_*): the named get their password as a SCRAM verifier and may
// log in without an end date; the unlisted lose login, password, replication and superuser (`lock`; the bootstrap
// superuser keeps the attribute, which PostgreSQL insists on), or get a random password that nobody knows (`rotate`).
// Patroni's own (IfMissing::create) and database postgres lose their ALTER … SET, which Patroni's sessions would obey.
// Errc::not_proven if a password of the plan is production's own.
// At its end no role but the kept holds a verifier of production's, else Errc::not_proven and nothing is changed.
// Errc::role_missing for a name of the plan that the clone lacks. A repeat gives new verifiers and the same rights.
Result<RoleOutcome> apply_roles(postgres::Connection& superuser_session, const RolePlan& plan);

// Names the roles that hold one of these verifiers (SHA-256, hexadecimal).
Result<std::vector<std::string>> find_roles_with_verifiers(postgres::Connection& superuser_session,
                                                           const std::vector<std::string>& verifiers_sha256);

}  // namespace polygon::sanitize
