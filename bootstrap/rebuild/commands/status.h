// polygon-rebuild status and history: what is, and what was. Nothing is changed.
#pragma once

#include "bootstrap/rebuild/commands/coordinate.h"
#include "bootstrap/rebuild/commands/run.h"

namespace polygon::rebuild {

enum class Watch { once, until_the_end };

// Under until_the_end it is shown anew each second until no rebuild is under way, or a signal comes.
Result<int> show_status(const Request& request, Format format, Watch watch, Clock& clock);

Status show_history(const Request& request, Format format);

}  // namespace polygon::rebuild
