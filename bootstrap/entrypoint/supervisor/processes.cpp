#include "bootstrap/entrypoint/supervisor/processes.h"

#include <algorithm>
#include <filesystem>
#include <sstream>

#include <fmt/format.h>
#include <sys/wait.h>

#include "common/fs/file.h"

namespace polygon::entrypoint {
namespace {

namespace stdfs = std::filesystem;

// Of "PID (NAME) STATE PPID ...", where the name may have blanks and parentheses (proc_pid_stat(5)).
bool is_live_child(const std::string& stat, pid_t parent) {
    std::istringstream rest(stat.substr(stat.rfind(')') + 1));
    char state = 'Z';
    pid_t its_parent = 0;
    rest >> state >> its_parent;
    return its_parent == parent && state != 'Z' && state != 'X';
}

// True also where the directory cannot be read.
template <class Condition>
bool has_entry(const stdfs::path& directory, Condition&& condition) {
    std::error_code error;
    stdfs::directory_iterator entry(directory, error);
    for (; !error && entry != stdfs::directory_iterator(); entry.increment(error)) {
        if (condition(entry->path())) return true;
    }
    return static_cast<bool>(error);
}

bool has_child(pid_t parent) {
    return has_entry("/proc", [&](const stdfs::path& process) {
        const auto stat = fs::read_file(process / "stat");  // other entries have none
        return stat && is_live_child(*stat, parent);
    });
}

bool has_open_directory(pid_t process) {
    return has_entry(fmt::format("/proc/{}/fd", process), [](const stdfs::path& descriptor) {
        std::error_code error;
        return stdfs::is_directory(descriptor, error);
    });
}

}  // namespace

bool is_at_work(pid_t process) {
    return has_child(process) || has_open_directory(process);
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
