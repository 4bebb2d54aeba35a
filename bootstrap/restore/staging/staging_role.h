// The role with which replicas copy the staged clone of their leader: there while it is served, and never again.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/postgres/connection.h"

namespace polygon::bootstrap {

inline constexpr const char* kStagingRole = "polygon_staging";

// Both sides derive it, so that it is written down nowhere: HMAC-SHA256 (hex) of "polygon staging <generation>" by the
// password of Patroni's replication role. Errc::configuration without one: everybody could derive it.
Result<Secret> derive_staging_password(const Secret& replication_password, const std::string& generation);

// Whose role it may be that is there already: production's own, which is refused with Errc::conflict, or ours, of a
// server that was killed.
enum class FoundRole { refused, ours };

// The server gets a verifier, never the password.
Status create_staging_role(postgres::Connection& superuser_session, const Secret& password, FoundRole found);

Status drop_staging_role(postgres::Connection& superuser_session);

}  // namespace polygon::bootstrap
