// Whether a password opens what a stored verifier guards, computed on this side.
#pragma once

#include <string>
#include <string_view>

#include "common/base/secret.h"

namespace polygon::sanitize {

// `verifier` as pg_authid.rolpassword has it: SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey> (RFC 5803,
// PostgreSQL src/common/scram-common.c) or md5 followed by md5(password + role). False for anything else. The password
// is taken as it is: SASLprep changes only what is not ASCII.
bool opens(std::string_view verifier, const std::string& role, const Secret& password);

}  // namespace polygon::sanitize
