// The environment and command line of a process, ours or our parent's.
#pragma once

#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::process {

Environment own_environment();

// From /proc/<pid>/environ: what it was started with. Patroni takes PATRONI_* out of its own environment, so that its
// children do not see them (patroni/config.py); they can still be read there.
Result<Environment> read_environment(pid_t pid);

// From /proc/<pid>/cmdline.
Result<std::vector<std::string>> read_command_line(pid_t pid);

}  // namespace polygon::process
