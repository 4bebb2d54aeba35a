// Free ports on the loopback address.
#pragma once

#include "common/base/result.h"

namespace polygon::support {

// A port that nothing is bound to, as the kernel says, and that this process has not been given before. Below the range
// that outgoing connections are given theirs from: a server that is stopped and started again must find its port free.
Result<int> free_port();

}  // namespace polygon::support
