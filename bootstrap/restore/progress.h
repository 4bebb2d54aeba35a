// What a running restore shows: on stderr, and in the status file.
#pragma once

#include <optional>
#include <string>

#include "bootstrap/restore/status_file.h"
#include "common/backup/restore.h"
#include "common/cli/pace.h"
#include "common/cli/progress_display.h"

namespace polygon::bootstrap {

class Progress {
  public:
    Progress(Clock& clock, const std::string& status_file);

    // A phase without bytes to count: "plan", "quarantine".
    void enter(const std::string& phase);
    // A phase that reports; `activity` ("restoring") is what its lines begin with.
    void enter(const std::string& phase, const std::string& activity);
    // Never by two threads at once, but by any.
    void report(const backup::Progress& progress);
    // The phase has succeeded, all of its figures are what they have to be: the last reports of several threads may
    // have been left out. Takes the bar away.
    void complete();
    // "host:port" where the phase serves something, empty when it does no longer.
    void announce(const std::string& address);
    // After it nothing of a bar is on the terminal.
    void end(const Status& outcome);
    // Instead of end(), when another process was reporting and was killed.
    void end_from_outside(const std::string& error);

  private:
    Clock& clock_;
    StatusFile status_file_;
    cli::Figures figures_;
    cli::Pace pace_;
    std::optional<cli::ProgressDisplay> display_;
};

}  // namespace polygon::bootstrap
