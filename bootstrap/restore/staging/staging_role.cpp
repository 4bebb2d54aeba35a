#include "bootstrap/restore/staging/staging_role.h"

#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

namespace polygon::bootstrap {

Result<Secret> derive_staging_password(const Secret& replication_password, const std::string& generation) {
    if (replication_password.is_empty()) {
        return Error{Errc::configuration, "postgresql.authentication.replication has no password",
                     "Staged replicas need one, the same on every node; or set polygon.replicas to leader."};
    }
    const std::string& key = replication_password.reveal();
    const std::string text = "polygon staging " + generation;
    std::array<unsigned char, 32> digest = {};
    unsigned int length = 0;
    if (HMAC(EVP_sha256(), key.data(), static_cast<int>(key.size()),
             reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data(), &length) == nullptr) {
        return Error{Errc::internal, "OpenSSL gives no HMAC-SHA256", ""};
    }
    return Secret(fmt::format("{:02x}", fmt::join(digest, "")));
}

Status create_staging_role(postgres::Connection& superuser_session, const Secret& password, FoundRole found) {
    const bool is_there = TRY(superuser_session.value("SELECT count(*) FROM pg_catalog.pg_roles WHERE rolname = $1",
                                                      {std::string(kStagingRole)})) == "1";
    if (is_there && found == FoundRole::refused) {
        return Error{Errc::conflict, fmt::format("production has a role '{}' of its own", kStagingRole),
                     "Set polygon.replicas to leader."};
    }
    const std::string verifier = TRY(superuser_session.make_verifier(kStagingRole, password));
    return superuser_session.execute(
        fmt::format("{} ROLE {} LOGIN REPLICATION PASSWORD {}", is_there ? "ALTER" : "CREATE",
                    superuser_session.quote_identifier(kStagingRole), superuser_session.quote_literal(verifier)));
}

Status drop_staging_role(postgres::Connection& superuser_session) {
    return superuser_session.execute("DROP ROLE " + superuser_session.quote_identifier(kStagingRole));
}

}  // namespace polygon::bootstrap
