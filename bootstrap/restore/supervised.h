// Work that can be stopped at any moment and undone.
#pragma once

#include <functional>

#include "common/base/result.h"

namespace polygon::bootstrap {

// How supervised work ended, as seen from outside it.
struct Interruption {
    int signal = 0;  // that this process was sent, or 0
};

// Runs `work` in a child process and, if it does not succeed, `undo` in this one, after the child is gone: a signal
// need not find a safe point in threads that read, check and write. SIGINT, SIGTERM, SIGQUIT and SIGHUP (unless they
// are ignored) kill the child. The call returns in both processes: in the child with the work's error or 0, in the
// parent with the child's exit status or 128 + the signal's number. Errors of the parent: process_failed (the child
// was killed by somebody else). The calling process must have one thread only.
Result<int> run_supervised(const std::function<Status()>& work, const std::function<void(const Interruption&)>& undo);

}  // namespace polygon::bootstrap
