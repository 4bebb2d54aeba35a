#include "bootstrap/entrypoint/supervisor/supervisor.h"

#include <chrono>
#include <csignal>

#include <sys/prctl.h>
#include <unistd.h>

#include "bootstrap/entrypoint/supervisor/signals.h"
#include "common/base/log.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongestWait = 1s;       // for a signal; a child's end is one
constexpr auto kHelpersPatience = 10s;  // once Patroni has ended; then their death signal has to do

// Not the terminal's stop signals: a Patroni that is stopped loses its leader key, and nobody would see why. Nor what
// is of this process alone.
bool is_forwarded(int signal) {
    for (const int own : {SIGCHLD, SIGPIPE, SIGTSTP, SIGTTIN, SIGTTOU}) {
        if (signal == own) return false;
    }
    return true;
}

Error ending_error() {
    return {Errc::conflict, "nothing is started any more: this process was told to end", ""};
}

}  // namespace

Result<int> Supervisor::run() {
    prctl(PR_SET_CHILD_SUBREAPER, 1);  // outside a container we are not PID 1, and reap all the same
    std::optional<Deadline> patience;
    while (true) {
        const std::optional<int> number = next_signal(kLongestWait);
        processes_.reap();
        note_end_of_patroni();
        if (number) take(*number);
        const PatroniState state = patroni().state;
        const bool is_patroni_there = state == PatroniState::running || state == PatroniState::stopping;
        if (is_ending_ && !is_patroni_there && !patience) patience.emplace(clock_, kHelpersPatience);
        if (is_over(patience)) break;
    }
    const std::lock_guard lock(mutex_);
    if (error_) return *error_;
    return last_.exit_status;
}

bool Supervisor::is_over(const std::optional<Deadline>& patience) const {
    return patience && (!processes_.is_any_running() || patience->has_passed());
}

// Patroni has a process group of its own: of a Ctrl-C it sees what is forwarded, once. A second SIGINT would be a
// KeyboardInterrupt in the midst of its shutdown (patroni/daemon.py), and so would the first be after stop_patroni();
// SIGTERM it takes as often as it comes.
void Supervisor::take(int signal) {
    const std::lock_guard lock(mutex_);
    const bool interrupts_shutdown = signal == SIGINT && (is_ending_ || is_stopping_);
    if (patroni_ != 0 && is_forwarded(signal) && !interrupts_shutdown) processes_.signal(patroni_, signal);
    if (!is_termination(signal) || is_ending_) return;
    if (patroni_ == 0) log_info("ended by a signal while Patroni does not run", {{"signal", signal}});
    last_ = {};
    begin_end();
}

// The helpers: Patroni has its signal already, or has ended.
void Supervisor::begin_end() {
    is_ending_ = true;
    processes_.signal_all_but(patroni_, SIGTERM);
}

void Supervisor::note_end_of_patroni() {
    const std::lock_guard lock(mutex_);
    if (patroni_ == 0) return;
    const std::optional<int> status = processes_.exit_status(patroni_);
    if (!status) return;
    processes_.forget(patroni_);
    patroni_ = 0;
    last_ = {is_stopping_ ? PatroniState::stopped : PatroniState::ended, *status};
    log_info("Patroni has ended", {{"status", *status}});
    if (!is_stopping_ && !is_ending_ && after_patroni_ == AfterPatroni::end) begin_end();
}

Status Supervisor::start_patroni() {
    const std::lock_guard lock(mutex_);
    if (is_ending_) return ending_error();
    if (patroni_ != 0) return {};
    patroni_ = TRY(processes_.start({.argv = command_, .death_signal = SIGTERM, .group = process::ProcessGroup::own}));
    is_stopping_ = false;
    log_info("started", {{"command", command_.front()}, {"pid", patroni_}});
    return {};
}

void Supervisor::stop_patroni() {
    const std::lock_guard lock(mutex_);
    if (patroni_ == 0 || is_stopping_) return;
    is_stopping_ = true;
    log_info("stops Patroni", {{"pid", patroni_}});
    processes_.signal(patroni_, SIGTERM);
}

void Supervisor::kill_patroni(const std::string& reason) {
    const std::lock_guard lock(mutex_);
    if (patroni_ == 0 || !is_stopping_) return;
    log_warning("kills Patroni", {{"pid", patroni_}, {"because", reason}});
    processes_.signal(patroni_, SIGKILL);
}

PatroniSeen Supervisor::patroni() const {
    const std::lock_guard lock(mutex_);
    if (patroni_ == 0) return last_;
    return {is_stopping_ ? PatroniState::stopping : PatroniState::running, 0, patroni_};
}

Result<pid_t> Supervisor::start(const process::Command& command) {
    const std::lock_guard lock(mutex_);
    if (is_ending_) return ending_error();
    return processes_.start(command);
}

void Supervisor::give_up(Error error) {
    {
        const std::lock_guard lock(mutex_);
        error_ = std::move(error);
        if (patroni_ != 0) processes_.signal(patroni_, SIGTERM);
        begin_end();
    }
    ::kill(getpid(), SIGCHLD);  // wakes run()
}

}  // namespace polygon::entrypoint
