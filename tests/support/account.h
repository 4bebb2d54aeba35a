// Whom the servers run as: PostgreSQL refuses root.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/isolation.h"

namespace polygon::support {

class Account {
  public:
    // The system's user postgres when we are root, ourselves otherwise.
    static Result<Account> choose();

    // `argv`, run as this account. The parent-death signal survives the change of user, which would clear it.
    std::vector<std::string> as_account(std::vector<std::string> argv) const;

    // Makes the account the owner of `path` and all below it; links unfollowed.
    Status give(const std::filesystem::path& path) const;

    // What process::strongest_isolation() is for this account: root may more.
    process::Isolation strongest_isolation() const;

  private:
    bool is_other_ = false;
    uid_t uid_ = 0;
    gid_t gid_ = 0;
};

}  // namespace polygon::support
