// The processes that work in a directory of ours. All that the stand starts works below its workspace (Patroni in its
// node's directory, the postmaster in its data directory), whoever started it and whatever became of its parent.
#pragma once

#include <filesystem>
#include <vector>

#include <sys/types.h>

namespace polygon::support {

// Those whose working directory is `directory` or below it; a renamed directory is followed.
std::vector<pid_t> processes_in(const std::filesystem::path& directory);

// SIGKILL to each of them, until none is left. Returns how many there were at first.
std::size_t kill_processes_in(const std::filesystem::path& directory);

}  // namespace polygon::support
