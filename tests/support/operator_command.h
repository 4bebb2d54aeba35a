// A polygon-rebuild subcommand while it runs, as an operator's terminal has it: it can be looked at and killed.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::support {

class OperatorCommand {
  public:
    // Appends what it prints, stdout and stderr, to `log`.
    static Result<OperatorCommand> start(process::Command command, std::filesystem::path log);

    // The exit status once it has ended.
    std::optional<int> poll() { return child_.poll(); }
    // The exit status, or an Errc::timeout; it goes on running.
    Result<int> wait(std::chrono::seconds limit);
    // SIGKILL, as a lost coordinator; and waits for its end.
    void kill();
    // SIGTERM or another.
    void signal(int number) const { child_.signal(number); }
    // What it has printed so far.
    std::string output() const;

  private:
    OperatorCommand(process::Child child, std::filesystem::path log, std::uintmax_t begin)
        : child_(std::move(child)), log_(std::move(log)), begin_(begin) {}

    process::Child child_;
    std::filesystem::path log_;
    std::uintmax_t begin_;  // of its own part of the log
};

}  // namespace polygon::support
