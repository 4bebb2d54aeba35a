// Work that can be stopped at any moment and undone.
#pragma once

#include <functional>
#include <string>

#include "common/base/result.h"

namespace polygon::bootstrap {

// How work that did not succeed ended. With neither signal it failed by itself, and has said so.
struct Ending {
    int interrupted_by = 0;  // the signal that this process was sent
    int killed_by = 0;       // the signal that the child was sent by somebody else
};

// "interrupted by signal 15"; "" for work that failed by itself.
std::string describe(const Ending& ending);

// Runs `work` in a child process and, if it does not succeed, `undo` in this one, after the child and all that it
// started are gone: a signal need not find a safe point in threads that read, check and write. SIGINT, SIGTERM, SIGQUIT
// and SIGHUP (unless they are ignored) kill the child. The call returns in both processes: in the child with the work's
// error or 0, in the parent with the child's exit status or 128 + the signal's number. Errors of the parent:
// process_failed (the child was killed by somebody else). The calling process must have one thread only.
Result<int> run_supervised(const std::function<Status()>& work, const std::function<void(const Ending&)>& undo);

}  // namespace polygon::bootstrap
