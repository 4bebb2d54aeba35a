// The children of this process, for two threads: one that starts and asks, one that reaps. What falls to us as an
// orphan is reaped too.
#pragma once

#include <map>
#include <mutex>
#include <optional>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::entrypoint {

// Whether that process has a child that has not ended, or has a directory open, as Python's shutil.rmtree() has while
// it removes one. Where /proc does not tell: yes.
bool is_at_work(pid_t process);

class Processes {
  public:
    // The child's death signal comes when the thread that calls this ends. Reach::process only.
    Result<pid_t> start(const process::Command& command);
    // Nothing while it runs, and for what was not started here.
    std::optional<int> exit_status(pid_t pid) const;
    // Its number may be another's from then on.
    void forget(pid_t pid);
    // Never to a process of that number that is not ours (any more).
    void signal(pid_t pid, int number) const;
    void signal_all_but(pid_t spared, int number) const;
    bool is_any_running() const;
    // Takes all that have ended.
    void reap();

  private:
    mutable std::mutex mutex_;  // held across fork and registration: reap() cannot come between
    std::map<pid_t, std::optional<int>> exit_statuses_;  // none while it runs
};

}  // namespace polygon::entrypoint
