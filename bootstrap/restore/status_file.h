// How far a restore is, for a program to read: JSON, replaced as a whole.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/cli/pace.h"
#include "common/fs/file.h"

namespace polygon::bootstrap {

class StatusFile {
  public:
    // An empty path: nothing is ever written.
    StatusFile(fs::Path path, Clock& clock) : path_(std::move(path)), clock_(clock) {}

    // "plan", "restore", "check", "quarantine": written at once.
    void enter(const std::string& phase);
    // Written twice a second at most.
    void update(const cli::Figures& figures, const cli::Pace& pace);
    // Where something is served from now on: written at once.
    void announce(const std::string& address);
    // "done", or "failed" with the error's message: always written.
    void end(const Status& outcome);
    // For another process than the one that was updating it: keeps the figures that the file has.
    void fail_from_outside(const std::string& error);

  private:
    void write(const std::string& state, const std::string& error);
    void put(const std::string& content);

    fs::Path path_;
    Clock& clock_;
    std::string phase_;
    std::string address_;
    cli::Figures figures_;
    cli::Pace pace_;
    Clock::Instant written_;
    bool has_warned_ = false;
};

}  // namespace polygon::bootstrap
