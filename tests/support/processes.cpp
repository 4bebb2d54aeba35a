#include "tests/support/processes.h"

#include <charconv>
#include <chrono>
#include <string>
#include <system_error>

#include <signal.h>
#include <sys/wait.h>

#include "common/base/clock.h"

namespace polygon::support {
namespace {

using namespace std::chrono_literals;

bool is_below(const std::string& path, const std::string& directory) {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

}  // namespace

std::vector<pid_t> processes_in(const std::filesystem::path& directory) {
    std::vector<pid_t> found;
    std::error_code error;
    for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
        const std::string name = entry.path().filename();
        pid_t pid = 0;
        const auto parsed = std::from_chars(name.data(), name.data() + name.size(), pid);
        if (parsed.ptr != name.data() + name.size()) continue;
        const auto working_directory = std::filesystem::read_symlink(entry.path() / "cwd", error);
        if (!error && is_below(working_directory, directory)) found.push_back(pid);
    }
    return found;
}

std::size_t kill_processes_in(const std::filesystem::path& directory) {
    const std::size_t count = processes_in(directory).size();
    wait_until(system_clock(), Deadline(system_clock(), 30s), 20ms, [&] {
        const std::vector<pid_t> pids = processes_in(directory);
        for (const pid_t pid : pids)
            kill(pid, SIGKILL);
        return pids.empty();
    });
    return count;
}

}  // namespace polygon::support
