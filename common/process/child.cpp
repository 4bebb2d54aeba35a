#include "common/process/child.h"

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

namespace polygon::process {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kErrorTailBytes = 2000;

class Pipe {
  public:
    Pipe() = default;
    Pipe(const Pipe&) = delete;
    Pipe& operator=(const Pipe&) = delete;
    ~Pipe() {
        close_read();
        close_write();
    }

    Status open() {
        if (pipe2(ends_.data(), O_CLOEXEC) != 0) return errno_error(Errc::io, "cannot create a pipe", errno);
        return {};
    }
    int read_end() const { return ends_[0]; }
    int write_end() const { return ends_[1]; }
    void close_read() { close_end(ends_[0]); }
    void close_write() { close_end(ends_[1]); }

  private:
    static void close_end(int& fd) {
        if (fd >= 0) ::close(fd);
        fd = -1;
    }
    std::array<int, 2> ends_ = {-1, -1};
};

struct Standard {
    int in = -1;
    int out = -1;
    int err = -1;
};

// The leader of a group waits here for the process that it has made, with SIGTERM and SIGCHLD blocked: the first comes
// when the parent dies, even by SIGKILL, and takes the whole group along.
[[noreturn]] void guard_group(pid_t first, const sigset_t& awaited) {
    while (true) {
        int number = 0;
        if (sigwait(&awaited, &number) == 0 && number == SIGTERM) kill(0, SIGKILL);
        int status = 0;
        if (waitpid(first, &status, WNOHANG) == first) _exit(to_exit_status(status));
    }
}

// Returns in the process that is to run the command; the one that forked it stays as its group's leader.
void lead_group(pid_t parent, int failure) {
    setpgid(0, 0);
    ::signal(SIGCHLD, SIG_DFL);
    sigset_t awaited;
    sigemptyset(&awaited);
    sigaddset(&awaited, SIGTERM);
    sigaddset(&awaited, SIGCHLD);
    sigprocmask(SIG_BLOCK, &awaited, nullptr);
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    if (getppid() != parent) _exit(126);  // the parent died before the line above
    const pid_t first = fork();
    if (first < 0) _exit(126);
    if (first == 0) return;
    ::close(failure);
    guard_group(first, awaited);
}

enum class Step { isolation, program };

// What a child tells its parent when it does not come to run the command.
struct Failure {
    Step step;
    int reason;
};

// All that a child needs between fork and exec, where no memory may be allocated.
struct Launch {
    const Command& command;
    const Standard& standard;
    const Enclosure& enclosure;
    char* const* argv;
    char* const* environment;
    pid_t parent;
    int failure;  // a pipe's end
};

[[noreturn]] void give_up(const Launch& launch, Step step, int reason) {
    const Failure failure = {step, reason};
    [[maybe_unused]] const ssize_t written = write(launch.failure, &failure, sizeof failure);
    _exit(127);
}

void isolate(const Launch& launch) {
    if (const int reason = launch.enclosure.enter()) give_up(launch, Step::isolation, reason);
}

// The death signal comes after what changes credentials: that may clear it. Of a group its leader has it, outside.
void isolate_and_follow_parent(const Launch& launch) {
    if (launch.command.reach == Reach::group) {
        lead_group(launch.parent, launch.failure);
        return isolate(launch);
    }
    isolate(launch);
    if (launch.command.death_signal == 0) return;
    prctl(PR_SET_PDEATHSIG, launch.command.death_signal);
    if (getppid() != launch.parent) _exit(126);  // the parent died before the line above
}

// There before the program begins. SIGTTOU would stop it as soon as it writes to a terminal with `stty tostop`, SIGTTIN
// when what it starts asks there for a password, as pg_basebackup does: that fails at once instead.
void leave_terminals_group() {
    setpgid(0, 0);
    ::signal(SIGTTOU, SIG_IGN);
    ::signal(SIGTTIN, SIG_IGN);
}

[[noreturn]] void become(const Launch& launch) {
    isolate_and_follow_parent(launch);
    if (launch.command.group == ProcessGroup::own) leave_terminals_group();
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, nullptr);
    for (const int number : {SIGPIPE, SIGINT, SIGTERM, SIGHUP, SIGCHLD})
        ::signal(number, SIG_DFL);
    const Standard& standard = launch.standard;
    const std::filesystem::path& directory = launch.command.directory;
    const bool is_ready =
        (standard.in < 0 || dup2(standard.in, 0) >= 0) && (standard.out < 0 || dup2(standard.out, 1) >= 0) &&
        (standard.err < 0 || dup2(standard.err, 2) >= 0) && (directory.empty() || chdir(directory.c_str()) == 0);
    if (is_ready) execvpe(launch.argv[0], launch.argv, launch.environment);
    give_up(launch, Step::program, errno);
}

std::vector<char*> to_pointers(std::vector<std::string>& strings) {
    std::vector<char*> pointers;
    for (std::string& text : strings)
        pointers.push_back(text.data());
    pointers.push_back(nullptr);
    return pointers;
}

Error to_error(const Failure& failure, const Command& command) {
    if (failure.step == Step::program) {
        return errno_error(Errc::process_failed, fmt::format("cannot run '{}'", command.argv.front()), failure.reason,
                           "Check that it is installed and in PATH.");
    }
    return errno_error(
        Errc::process_failed,
        fmt::format("cannot run '{}' cut off from the network ({})", command.argv.front(), to_text(command.isolation)),
        failure.reason, "Look at what limits namespaces here: sysctl user.max_net_namespaces, AppArmor.");
}

// Blocks until the child has become its program, which closes the pipe, or says why it has not.
std::optional<Failure> read_failure(int fd) {
    Failure failure = {};
    ssize_t got = 0;
    do {
        got = read(fd, &failure, sizeof failure);
    } while (got < 0 && errno == EINTR);
    if (got != sizeof failure) return std::nullopt;
    return failure;
}

// Forks and execs; a failed exec comes back as an error, told through a close-on-exec pipe.
Result<pid_t> spawn(const Command& command, const Standard& standard) {
    std::vector<std::string> arguments = command.argv;
    std::vector<std::string> assignments;
    if (command.environment) {
        for (const auto& [name, value] : *command.environment)
            assignments.push_back(name + "=" + value);
    }
    const std::vector<char*> argv = to_pointers(arguments);
    const std::vector<char*> environment = to_pointers(assignments);
    const Enclosure enclosure = TRY(Enclosure::prepare(command.isolation));
    Pipe failure;
    TRY(failure.open());
    const pid_t parent = getpid();
    const pid_t pid = fork();
    if (pid < 0) return errno_error(Errc::process_failed, "cannot fork", errno);
    if (pid == 0) {
        become({command, standard, enclosure, argv.data(), command.environment ? environment.data() : environ, parent,
                failure.write_end()});
    }
    failure.close_write();
    if (const std::optional<Failure> told = read_failure(failure.read_end())) {
        waitpid(pid, nullptr, 0);
        return to_error(*told, command);
    }
    return pid;
}

// A file for the time of a start.
struct Fd {
    explicit Fd(int of) : number(of) {}
    Fd(Fd&& other) noexcept : number(std::exchange(other.number, -1)) {}
    Fd& operator=(Fd&&) = delete;
    ~Fd() {
        if (number >= 0) ::close(number);
    }
    int number;
};

// None (-1) for no path.
Result<Fd> open_to_append(const std::filesystem::path& path) {
    if (path.empty()) return Fd(-1);
    Fd file(open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
    if (file.number < 0) return errno_error(Errc::io, fmt::format("cannot open '{}'", path.string()), errno);
    return file;
}

// Takes what there is to read; false at the end of the file.
bool drain(int fd, std::string& into) {
    std::array<char, 16384> buffer;
    const ssize_t got = read(fd, buffer.data(), buffer.size());
    if (got < 0) return errno == EINTR || errno == EAGAIN;
    into.append(buffer.data(), static_cast<std::size_t>(got));
    return got > 0;
}

// Keeps a child that ends without reading its input from ending us. Of this thread alone: SIGPIPE of a write goes to
// the thread that wrote, and what it does is the whole process's.
class WithoutPipeSignal {
  public:
    WithoutPipeSignal() {
        sigset_t pending;
        sigpending(&pending);
        was_pending_ = sigismember(&pending, SIGPIPE) == 1;
        sigemptyset(&pipe_);
        sigaddset(&pipe_, SIGPIPE);
        pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
    }
    WithoutPipeSignal(const WithoutPipeSignal&) = delete;
    WithoutPipeSignal& operator=(const WithoutPipeSignal&) = delete;
    ~WithoutPipeSignal() {
        const timespec at_once = {};
        while (!was_pending_ && sigtimedwait(&pipe_, nullptr, &at_once) < 0 && errno == EINTR) {
        }
        pthread_sigmask(SIG_SETMASK, &before_, nullptr);
    }

  private:
    sigset_t pipe_;
    sigset_t before_;
    bool was_pending_ = false;
};

// Feeds stdin and collects both outputs until both are closed or the deadline has passed; says which.
bool exchange(Pipe& in, Pipe& out, Pipe& err, const std::string& input, Finished& finished, const Deadline& deadline) {
    const WithoutPipeSignal guard;
    std::size_t sent = 0;
    bool out_open = true;
    bool err_open = true;
    fcntl(in.write_end(), F_SETFL, O_NONBLOCK);
    while (out_open || err_open) {
        if (deadline.has_passed()) return false;
        if (sent == input.size()) in.close_write();
        std::array<pollfd, 3> fds = {pollfd{out_open ? out.read_end() : -1, POLLIN, 0},
                                     pollfd{err_open ? err.read_end() : -1, POLLIN, 0},
                                     pollfd{in.write_end(), POLLOUT, 0}};
        if (poll(fds.data(), fds.size(), 100) < 0 && errno != EINTR) return false;
        if (fds[0].revents != 0) out_open = drain(out.read_end(), finished.out);
        if (fds[1].revents != 0) err_open = drain(err.read_end(), finished.err);
        if (fds[2].revents != 0) {
            const ssize_t put = write(in.write_end(), input.data() + sent, input.size() - sent);
            sent = put < 0 && errno != EAGAIN && errno != EINTR
                       ? input.size()
                       : sent + static_cast<std::size_t>(std::max<ssize_t>(put, 0));
        }
    }
    return true;
}

}  // namespace

int to_exit_status(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

std::string describe(const Command& command) {
    return fmt::format("{}", fmt::join(command.argv, " "));
}

Result<Finished> run(const Command& command, Clock& clock, const Deadline& deadline) {
    Pipe in;
    Pipe out;
    Pipe err;
    TRY(in.open());
    TRY(out.open());
    TRY(err.open());
    Finished finished;
    const pid_t pid = TRY(spawn(command, {in.read_end(), out.write_end(), err.write_end()}));
    in.close_read();
    out.close_write();
    err.close_write();
    const bool in_time = exchange(in, out, err, command.input, finished, deadline);
    int status = 0;
    const bool has_ended =
        in_time && wait_until(clock, deadline, 10ms, [&] { return waitpid(pid, &status, WNOHANG) != 0; });
    if (!has_ended) {
        kill(pid, SIGKILL);
        waitpid(pid, &status, 0);
        return Error{Errc::timeout, fmt::format("'{}' did not end in time", describe(command)), "", Retry::safe};
    }
    finished.exit_status = to_exit_status(status);
    return finished;
}

Result<Finished> run_checked(const Command& command, Clock& clock, const Deadline& deadline) {
    Finished finished = TRY(run(command, clock, deadline));
    if (finished.exit_status == 0) return finished;
    std::string tail = finished.err.empty() ? finished.out : finished.err;
    if (tail.size() > kErrorTailBytes) tail.erase(0, tail.size() - kErrorTailBytes);
    while (!tail.empty() && tail.back() == '\n')
        tail.pop_back();
    return Error{Errc::process_failed,
                 fmt::format("'{}' ended with status {}: {}", describe(command), finished.exit_status, tail), ""};
}

Result<Child> Child::start(const Command& command) {
    const Fd null(open("/dev/null", O_RDWR | O_CLOEXEC));
    const Fd output = TRY(open_to_append(command.output_file));
    const Fd errors = TRY(open_to_append(command.error_file));
    const int out = command.output_fd >= 0 ? command.output_fd : output.number;
    const int named = command.error_fd >= 0 ? command.error_fd : errors.number;
    const Standard standard{.in = null.number, .out = out, .err = named >= 0 ? named : out};
    return Child(TRY(spawn(command, standard)), command.reach);
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), reach_(other.reach_), exit_status_(other.exit_status_) {}

Child& Child::operator=(Child&& other) noexcept {
    std::swap(pid_, other.pid_);
    std::swap(reach_, other.reach_);
    std::swap(exit_status_, other.exit_status_);
    return *this;
}

Child::~Child() {
    if (pid_ < 0 || poll()) return;
    kill_with(SIGKILL);
    waitpid(pid_, nullptr, 0);
}

void Child::kill_with(int number) const {
    kill(reach_ == Reach::group ? -pid_ : pid_, number);
    if (reach_ == Reach::group) kill(pid_, number);  // before it has made its group
}

void Child::signal(int number) const {
    if (pid_ > 0 && !exit_status_) kill_with(number);
}

std::optional<int> Child::poll() {
    if (exit_status_ || pid_ < 0) return exit_status_;
    int status = 0;
    siginfo_t ended = {};
    // What the group's first process left behind, as long as the number is certainly the group's: not yet reaped.
    const bool leads_group = reach_ == Reach::group &&
                             waitid(P_PID, static_cast<id_t>(pid_), &ended, WEXITED | WNOHANG | WNOWAIT) == 0 &&
                             ended.si_pid == pid_;
    if (leads_group) kill(-pid_, SIGKILL);
    if (waitpid(pid_, &status, WNOHANG) == pid_) exit_status_ = to_exit_status(status);
    return exit_status_;
}

Result<int> Child::wait(Clock& clock, const Deadline& deadline) {
    if (!wait_until(clock, deadline, 20ms, [&] { return poll().has_value(); })) {
        return Error{Errc::timeout, fmt::format("process {} did not end in time", pid_), "", Retry::safe};
    }
    return *exit_status_;
}

pid_t Child::release() {
    return std::exchange(pid_, -1);
}

}  // namespace polygon::process
