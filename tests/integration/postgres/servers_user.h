// What needs the servers' user: its programs refuse root, and do not read what only root may.
#pragma once

#include "common/fs/file.h"
#include "common/postgres/binaries.h"

namespace polygon::postgres::test {

// While it lives, the user of this process, and so of its children, is postgres if we are root.
class AsServersUser {
  public:
    AsServersUser();
    ~AsServersUser();
    AsServersUser(const AsServersUser&) = delete;
    AsServersUser& operator=(const AsServersUser&) = delete;

  private:
    bool was_root_;
};

// Of the newest PostgreSQL here.
Binaries newest_binaries();

}  // namespace polygon::postgres::test
