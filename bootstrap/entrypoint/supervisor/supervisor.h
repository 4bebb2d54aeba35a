// Patroni as a child of this process: signals go on to it at once, what ends is reaped, and its exit status is ours. A
// second thread starts and stops it; nothing here waits for that thread.
#pragma once

#include <atomic>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/entrypoint/supervisor/processes.h"
#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::entrypoint {

// What happens when Patroni ends by itself.
enum class AfterPatroni { end, stay };

enum class PatroniState {
    stopped,  // never started, or ended as stop_patroni() asked
    running,
    stopping,  // asked to end
    ended,     // by itself
};

struct PatroniSeen {
    PatroniState state = PatroniState::stopped;
    int exit_status = 0;  // of `ended`
    pid_t pid = 0;        // of `running` and `stopping`
};

class Supervisor {
  public:
    Supervisor(std::vector<std::string> command, Clock& clock) : command_(std::move(command)), clock_(clock) {}

    // For the thread that is to have the signals, with block_signals() called before any other was made. Until a
    // termination signal came, Patroni ended or give_up() was called, and all children are gone. Patroni's exit status,
    // 128 + n if signal n ended it; 0 if it did not run.
    Result<int> run();

    // For the other thread, which has to live as long as this process: when it ends, its children get their death
    // signal. Nothing is started any more once the end has begun.
    Status start_patroni();
    void stop_patroni();
    // By SIGKILL, and only one that stop_patroni() has asked to end.
    void kill_patroni(const std::string& reason);
    PatroniSeen patroni() const;
    void set_after_patroni(AfterPatroni what) { after_patroni_ = what; }
    Result<pid_t> start(const process::Command& command);
    Processes& processes() { return processes_; }
    // Ends everything; run() gives this error.
    void give_up(Error error);
    bool is_ending() const { return is_ending_; }

  private:
    void take(int signal);
    void note_end_of_patroni();
    void begin_end();
    bool is_over(const std::optional<Deadline>& patience) const;

    const std::vector<std::string> command_;
    Clock& clock_;
    Processes processes_;
    std::atomic<AfterPatroni> after_patroni_ = AfterPatroni::end;
    std::atomic<bool> is_ending_ = false;
    mutable std::mutex mutex_;  // of what follows; taken before that of processes_
    pid_t patroni_ = 0;         // 0: not running
    bool is_stopping_ = false;
    PatroniSeen last_;  // while it is not running
    std::optional<Error> error_;
};

}  // namespace polygon::entrypoint
