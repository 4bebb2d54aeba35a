// What a program leaves running when it ends.
#pragma once

#include <set>

#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::process {

// While it lives, processes whose parents have ended become children of this process instead of init's
// (PR_SET_CHILD_SUBREAPER). Those that were children before are not its concern. Nothing else may wait for any child
// meanwhile, or start one that end() should spare.
class Orphans {
  public:
    Orphans();
    // The same as end(), as far as it goes within a few seconds.
    ~Orphans();
    Orphans(const Orphans&) = delete;
    Orphans& operator=(const Orphans&) = delete;

    // Kills (SIGKILL) and reaps every child of this process that was none before, and what these leave behind, until
    // there is none. Errc::timeout at the deadline.
    Status end(Clock& clock, const Deadline& deadline);

  private:
    std::set<pid_t> before_;
};

}  // namespace polygon::process
