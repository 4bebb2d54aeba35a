#include "bootstrap/entrypoint/supervisor/processes.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <sys/wait.h>

#include "common/fs/file.h"

namespace polygon::entrypoint {
namespace {

// Of "PID (NAME) STATE PPID ...", where the name may have blanks and parentheses (proc_pid_stat(5)).
bool is_live_child(const std::string& stat, pid_t parent) {
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    char state = 'Z';
    pid_t its_parent = 0;
    rest >> state >> its_parent;
    return its_parent == parent && state != 'Z' && state != 'X';
}

}  // namespace

bool has_children(pid_t parent) {
    std::error_code error;
    std::filesystem::directory_iterator entry("/proc", error);
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        const auto stat = fs::read_file(entry->path() / "stat");  // of a process: other entries have none
        if (stat && is_live_child(*stat, parent)) return true;
    }
    return static_cast<bool>(error);
}

Result<pid_t> Processes::start(const process::Command& command) {
    const std::lock_guard lock(mutex_);
    process::Child child = TRY(process::Child::start(command));
    const pid_t pid = child.release();
    exit_statuses_[pid] = std::nullopt;
    return pid;
}

std::optional<int> Processes::exit_status(pid_t pid) const {
    const std::lock_guard lock(mutex_);
    const auto found = exit_statuses_.find(pid);
    return found == exit_statuses_.end() ? std::nullopt : found->second;
}

void Processes::forget(pid_t pid) {
    const std::lock_guard lock(mutex_);
    exit_statuses_.erase(pid);
}

void Processes::signal(pid_t pid, int number) const {
    const std::lock_guard lock(mutex_);
    const auto found = exit_statuses_.find(pid);
    if (found != exit_statuses_.end() && !found->second) ::kill(pid, number);
}

void Processes::signal_all_but(pid_t spared, int number) const {
    const std::lock_guard lock(mutex_);
    for (const auto& [pid, status] : exit_statuses_) {
        if (!status && pid != spared) ::kill(pid, number);
    }
}

bool Processes::is_any_running() const {
    const std::lock_guard lock(mutex_);
    return std::any_of(exit_statuses_.begin(), exit_statuses_.end(), [](const auto& entry) { return !entry.second; });
}

void Processes::reap() {
    const std::lock_guard lock(mutex_);
    int status = 0;
    for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
        if (const auto found = exit_statuses_.find(pid); found != exit_statuses_.end()) {
            found->second = process::to_exit_status(status);
        }
    }
}

}  // namespace polygon::entrypoint
