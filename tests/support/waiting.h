// Waiting for a condition, which Ctrl-C and SIGTERM end early, so that what was started is ended in order.
#pragma once

#include <chrono>
#include <functional>
#include <string_view>

#include "common/base/result.h"

namespace polygon::support {

// From here on SIGINT, SIGTERM and SIGHUP no longer end this process, but its waits.
void watch_for_interrupt();
bool is_interrupted();

// Repeats `attempt` until it succeeds. The error after `limit` says what the last attempt said. An Errc::process_failed
// ends the wait at once: what is waited for cannot come.
Status wait_for(std::string_view what, std::chrono::seconds limit, const std::function<Status()>& attempt);

}  // namespace polygon::support
