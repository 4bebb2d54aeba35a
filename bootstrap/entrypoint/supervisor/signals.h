// Signals as values: blocked from the start, taken one at a time.
#pragma once

#include <chrono>
#include <optional>

namespace polygon::entrypoint {

// Blocks every signal that can be waited for; children start with none blocked (common/process).
void block_signals();

// The next pending signal, or nothing after `timeout`.
std::optional<int> next_signal(std::chrono::milliseconds timeout);

// Whether it asks this process to end.
bool is_termination(int number);

}  // namespace polygon::entrypoint
