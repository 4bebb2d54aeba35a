#include "bootstrap/entrypoint/agent/helper_run.h"

#include <array>
#include <cerrno>
#include <csignal>
#include <filesystem>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace polygon::entrypoint {
namespace {

constexpr const char* kHelper = "polygon-bootstrap";
constexpr std::size_t kErrorTailBytes = 2000;
constexpr std::size_t kLongestOutput = 1U << 20U;  // a report; more is not kept

struct Pipe {
    fs::Fd read;
    fs::Fd write;
};

// Only our end does not block.
Result<Pipe> make_pipe() {
    std::array<int, 2> ends = {-1, -1};
    if (pipe2(ends.data(), O_CLOEXEC) != 0) return errno_error(Errc::io, "cannot create a pipe", errno);
    Pipe made{fs::Fd(ends[0]), fs::Fd(ends[1])};
    fcntl(made.read.get(), F_SETFL, O_NONBLOCK);
    return made;
}

std::string read_all(const fs::Fd& fd) {
    std::string text;
    std::array<char, 16384> buffer;
    for (ssize_t got = 0; (got = read(fd.get(), buffer.data(), buffer.size())) > 0;)
        text.append(buffer.data(), static_cast<std::size_t>(got));
    return text;
}

}  // namespace

// Not as a group, which would end by SIGKILL: the helper has to stop the servers that it runs, and cleans up.
Result<HelperRun> HelperRun::start(Supervisor& supervisor, const std::vector<std::string>& argv) {
    Pipe out = TRY(make_pipe());
    Pipe err = TRY(make_pipe());
    const pid_t pid = TRY(supervisor.start(
        {.argv = argv, .output_fd = out.write.get(), .error_fd = err.write.get(), .death_signal = SIGTERM}));
    return HelperRun(supervisor, pid, std::move(out.read), std::move(err.read));
}

std::optional<int> HelperRun::poll() {
    if (exit_status_) return exit_status_;
    exit_status_ = supervisor_->processes().exit_status(pid_);
    drain();  // after the look: what it wrote last is there
    if (exit_status_) supervisor_->processes().forget(pid_);
    return exit_status_;
}

void HelperRun::end() {
    if (is_ending_ || exit_status_) return;
    is_ending_ = true;
    supervisor_->processes().signal(pid_, SIGTERM);
}

void HelperRun::drain() {
    output_ += read_all(out_);
    if (output_.size() > kLongestOutput) output_.resize(kLongestOutput);
    const std::string news = read_all(err_);
    if (news.empty()) return;
    [[maybe_unused]] const ssize_t passed_on = write(STDERR_FILENO, news.data(), news.size());
    errors_ += news;
    if (errors_.size() > kErrorTailBytes) errors_.erase(0, errors_.size() - kErrorTailBytes);
}

std::string HelperRun::last_errors() const {
    std::string text = errors_;
    while (!text.empty() && text.back() == '\n')
        text.pop_back();
    return text;
}

std::string find_helper_program() {
    std::error_code error;
    const std::filesystem::path own = std::filesystem::read_symlink("/proc/self/exe", error);
    const std::filesystem::path beside = own.parent_path() / kHelper;
    return !error && ::access(beside.c_str(), X_OK) == 0 ? beside.string() : kHelper;
}

}  // namespace polygon::entrypoint
