// `polygon-bootstrap discard`: what a rebuild staged, and what it set aside, is removed when it has ended.
#pragma once

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/orders.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::bootstrap {

// A repeat is harmless. Errors: conflict while a rebuild may still need it; data_directory_invalid if what was set
// aside is the only data directory that this node has; io.
Status discard(const Request& request, Discarded what, Clock& clock);

}  // namespace polygon::bootstrap
