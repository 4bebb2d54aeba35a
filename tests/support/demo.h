// The main job, shown: two clusters, a backup, a rebuild, and the proofs.
#pragma once

#include "common/base/result.h"

namespace polygon::support {

enum class AfterDemo { end_all, leave_running };

// Prints each step on stdout as it happens. An error if a step failed or a proof does not hold; then everything is
// ended, and the tails of the logs are on stderr.
Status run_demo(AfterDemo after);

}  // namespace polygon::support
