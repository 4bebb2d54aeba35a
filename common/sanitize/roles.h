// Who may log in to the clone, and with which password: nobody with one of production's.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/patroni/polygon_settings.h"
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

struct RolePlan {
    std::vector<NamedRole> named;
    std::vector<std::string> keep;
    patroni::UnlistedRoles unlisted = patroni::UnlistedRoles::lock;
    // Of a role that Patroni has given its password already: what it holds is no verifier of production's.
    std::string set_before;
    // Production's verifiers as they were read before anything was changed, for what may be a repeat, which finds the
    // polygon's own in place. None: what the roles hold now is production's.
    std::optional<std::vector<std::string>> known_verifiers;
};

struct RoleOutcome {
    std::vector<std::string> named;
    std::vector<std::string> locked;
    std::vector<std::string> rotated;
    std::vector<std::string> kept;
    std::vector<std::string> demoted;     // lost SUPERUSER
    std::vector<std::string> superusers;  // have it in the end
    // SHA-256 of each verifier that production had, but those of `kept`: what no role may hold again.
    std::vector<std::string> production_verifiers;
};

// One transaction over all roles but PostgreSQL's own (pg_*): the named get their password as a SCRAM verifier and may
// log in without an end date; the unlisted lose login, password and replication (`lock`), get a random password that
// nobody knows (`rotate`), or keep what they have (`keep`). In any case they lose superuser; the bootstrap superuser,
// for whom PostgreSQL insists on it, is locked instead.
// Patroni's own (IfMissing::create) and database postgres lose their ALTER … SET, which Patroni's sessions would obey.
// Errc::not_proven if a password of the plan is production's own.
// At its end no role but the kept holds a verifier of production's, else Errc::not_proven and nothing is changed.
// Errc::role_missing for a name of the plan that the clone lacks. A repeat gives new verifiers and the same rights.
Result<RoleOutcome> apply_roles(postgres::Connection& superuser_session, const RolePlan& plan);

// SHA-256 of the verifiers of all roles but this one: what `known_verifiers` is to be, read before anything is changed.
Result<std::vector<std::string>> read_verifiers(postgres::Connection& superuser_session, const std::string& but_of);

// Names the roles that hold one of these verifiers (SHA-256, hexadecimal).
Result<std::vector<std::string>> find_roles_with_verifiers(postgres::Connection& superuser_session,
                                                           const std::vector<std::string>& verifiers_sha256);

}  // namespace polygon::sanitize
