// Child processes: argv vectors, explicit environment, a deadline, the tail of stderr in the error; never a shell.
#pragma once

#include <chrono>
#include <csignal>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/process/isolation.h"

namespace polygon::process {

using Environment = std::map<std::string, std::string>;

// Who ends when we end the child, or die ourselves: it alone, or whatever it started too, as a shell's command or
// pg_basebackup's second process. A group ends by SIGKILL, death_signal or not, and what its first process leaves
// behind ends with it.
enum class Reach { process, group };

// Which process group it belongs to. What a terminal sends (Ctrl-C, Ctrl-Z) goes to ours alone where the child's is its
// own; it may write to the terminal all the same. Not beside Reach::group, which makes one anyway.
enum class ProcessGroup { ours, own };

struct Command {
    std::vector<std::string> argv;           // argv[0] is looked up in PATH unless it has a slash
    std::optional<Environment> environment;  // exactly this; none: ours
    std::string input;                       // what it reads on stdin; empty: /dev/null
    std::filesystem::path directory;         // empty: ours
    std::filesystem::path output_file;       // run(): ignored; Child: stdout and stderr appended here; empty: ours
    std::filesystem::path error_file;        // of a Child: stderr goes here instead; empty: to output_file
    // Of a Child: an open descriptor, which stays the caller's, in place of output_file or error_file. -1: none.
    int output_fd = -1;
    int error_fd = -1;
    int death_signal = SIGKILL;    // what it gets when the thread that started it ends (PR_SET_PDEATHSIG); 0: nothing
    Reach reach = Reach::process;  // of a Child
    ProcessGroup group = ProcessGroup::ours;
    // From the network. What cannot be isolated is not started; a group's leader, which only waits, is outside.
    Isolation isolation = Isolation::none;
};

struct Finished {
    int exit_status = 0;  // 128 + n when signal n ended it, as shells say
    std::string out;
    std::string err;
};

// Runs to its end, output captured. An error only if it cannot be started or outlives the deadline (then it is killed).
Result<Finished> run(const Command& command, Clock& clock, const Deadline& deadline);

// The same, and a status other than 0 is an error with the last lines of stderr.
Result<Finished> run_checked(const Command& command, Clock& clock, const Deadline& deadline);

// A running child. Its destructor kills it (SIGKILL) and reaps it, unless it has ended or was released.
class Child {
  public:
    static Result<Child> start(const Command& command);
    Child(Child&& other) noexcept;
    Child& operator=(Child&& other) noexcept;
    Child(const Child&) = delete;
    Child& operator=(const Child&) = delete;
    ~Child();

    pid_t pid() const { return pid_; }
    void signal(int number) const;
    // The exit status if it has ended (128 + n for signal n); nothing while it runs. Never blocks.
    std::optional<int> poll();
    // The exit status, or a timeout error; the child goes on running.
    Result<int> wait(Clock& clock, const Deadline& deadline);
    // Gives up ownership: the child lives on.
    pid_t release();

  private:
    Child(pid_t pid, Reach reach) : pid_(pid), reach_(reach) {}
    void kill_with(int number) const;

    pid_t pid_ = -1;
    Reach reach_ = Reach::process;
    std::optional<int> exit_status_;
};

// 128 + n for signal n, as shells say; the status otherwise. `wait_status` as waitpid() gives it.
int to_exit_status(int wait_status);

// "pg_resetwal -D /data": for messages. Arguments that begin with a known password option are not expected here:
// passwords never go into an argv.
std::string describe(const Command& command);

}  // namespace polygon::process
