// Runs Patroni as a child: forwards signals, reaps whatever becomes ours, gives its exit status.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::entrypoint {

// block_signals() has to have been called. 128 + n if signal n ended it. Patroni gets SIGTERM if this process dies.
Result<int> supervise(const std::vector<std::string>& command);

}  // namespace polygon::entrypoint
