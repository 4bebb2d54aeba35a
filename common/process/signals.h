// Signals as values: blocked from the moment on that one waits for them, and taken one at a time.
#pragma once

#include <chrono>
#include <csignal>
#include <optional>
#include <vector>

namespace polygon::process {

class AwaitedSignals {
  public:
    // Blocks them, in threads too that are started later, for as long as the process lives.
    explicit AwaitedSignals(const std::vector<int>& numbers);

    // The next pending one, or nothing after `timeout`.
    std::optional<int> next(std::chrono::milliseconds timeout) const;

  private:
    sigset_t set_;
};

}  // namespace polygon::process
