#include "common/process/orphans.h"

#include <chrono>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <string>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polygon::process {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// Of /proc/PID/stat, behind the name in parentheses, which may hold anything: state, parent (proc_pid_stat(5)).
pid_t parent_of(const stdfs::path& process) {
    std::ifstream file(process / "stat");
    std::string line;
    std::getline(file, line, '\0');
    const std::size_t name_end = line.rfind(')');
    if (name_end == std::string::npos || name_end + 4 >= line.size()) return 0;
    return static_cast<pid_t>(std::strtol(line.c_str() + name_end + 4, nullptr, 10));
}

// Zombies too.
Result<std::set<pid_t>> children() {
    std::set<pid_t> found;
    std::error_code error;
    stdfs::directory_iterator entry("/proc", error);
    for (const stdfs::directory_iterator end; !error && entry != end; entry.increment(error)) {
        const std::string name = entry->path().filename().string();
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        if (parent_of(entry->path()) == getpid()) found.insert(static_cast<pid_t>(std::stol(name)));
    }
    if (error) return errno_error(Errc::io, "cannot list '/proc'", error.value());
    return found;
}

}  // namespace

Orphans::Orphans() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);
    before_ = children().value_or(std::set<pid_t>());
}

Orphans::~Orphans() {
    (void)end(system_clock(), Deadline(system_clock(), 5s));
    prctl(PR_SET_CHILD_SUBREAPER, 0);
}

// What a process leaves behind is ours as soon as it has ended, and before it is reaped.
Status Orphans::end(Clock& clock, const Deadline& deadline) {
    while (true) {
        std::set<pid_t> left = TRY(children());
        std::erase_if(left, [&](pid_t pid) { return before_.contains(pid); });
        if (left.empty()) return {};
        for (const pid_t pid : left) {
            kill(pid, SIGKILL);
            waitpid(pid, nullptr, WNOHANG);
        }
        if (deadline.has_passed()) {
            return Error{Errc::timeout,
                         fmt::format("processes that were left behind do not end: {}", fmt::join(left, ", ")), ""};
        }
        clock.sleep(10ms);
    }
}

}  // namespace polygon::process
