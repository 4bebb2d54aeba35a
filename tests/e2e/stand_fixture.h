// The pair of clusters that all tests of this executable share: they take a minute to start.
#pragma once

#include <string>

#include "tests/support/catch.h"
#include "tests/support/proofs.h"
#include "tests/support/require.h"
#include "tests/support/stand.h"
#include "tests/support/waiting.h"

namespace polygon::e2e {

// What this executable's stand is like: each has its own two functions, in …_stand.cpp.
support::StandSettings stand_settings();
Status prepare_stand(support::Stand& stand);

// Production, a polygon of initdb, and a backup, made at the first call. After a failed test the workspace is kept, the
// logs' tails are printed at the end, and the tests that follow fail at once: the clusters' state is unknown.
support::Stand& stand();

// The same, with a polygon that has been rebuilt: now, unless it was before.
support::Stand& rebuilt_stand();

// In each test that uses the stand, before anything else.
class StandGuard {
  public:
    StandGuard();
    StandGuard(const StandGuard&) = delete;
    StandGuard& operator=(const StandGuard&) = delete;
    ~StandGuard();

  private:
    int exceptions_;
};

using support::require;

// Point 5 of the main job, every proof of it.
void require_all_proofs();

}  // namespace polygon::e2e
