// Sanitising in steps, each written down in the marker when it is done: a repeat goes on where the last run ended, and
// what the steps before had found stays known.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"
#include "common/postgres/generation_marker.h"

namespace polygon::sanitize {

using SaveMarker = std::function<Status(const postgres::GenerationMarker& marker)>;

// Runs `body` unless the marker says that this step is done, and then says so.
Status run_step(postgres::GenerationMarker& marker, const std::string& step, const SaveMarker& save,
                const std::function<Status()>& body);

}  // namespace polygon::sanitize
