// One run of a program as our child: what it writes to stdout is collected, its stderr goes on to ours.
#pragma once

#include <csignal>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/entrypoint/supervisor/supervisor.h"
#include "common/base/result.h"
#include "common/fs/fd.h"

namespace polygon::entrypoint {

class HelperRun {
  public:
    static Result<HelperRun> start(Supervisor& supervisor, const std::vector<std::string>& argv);

    // Takes what it has written; its exit status once it has ended. Never waits.
    std::optional<int> poll();
    // SIGTERM, once.
    void end();
    // SIGKILL: of one that holds nothing, and hangs.
    void kill() { supervisor_->processes().signal(pid_, SIGKILL); }
    const std::string& output() const { return output_; }
    // The last lines of its stderr.
    std::string last_errors() const;

  private:
    HelperRun(Supervisor& supervisor, pid_t pid, fs::Fd out, fs::Fd err)
        : supervisor_(&supervisor), pid_(pid), out_(std::move(out)), err_(std::move(err)) {}
    void drain();

    Supervisor* supervisor_;
    pid_t pid_;
    fs::Fd out_;
    fs::Fd err_;
    std::string output_;
    std::string errors_;
    std::optional<int> exit_status_;
    bool is_ending_ = false;
};

// polygon-bootstrap beside our own executable, else its name alone, for PATH.
std::string find_helper_program();

}  // namespace polygon::entrypoint
