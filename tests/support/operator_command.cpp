#include "tests/support/operator_command.h"

#include <csignal>
#include <system_error>

#include "common/base/clock.h"
#include "common/fs/file.h"

namespace polygon::support {

using namespace std::chrono_literals;

Result<OperatorCommand> OperatorCommand::start(process::Command command, std::filesystem::path log) {
    std::error_code none_yet;
    const std::uintmax_t size = std::filesystem::file_size(log, none_yet);
    command.output_file = log;
    process::Child child = TRY(process::Child::start(command));
    return OperatorCommand(std::move(child), std::move(log), none_yet ? 0 : size);
}

Result<int> OperatorCommand::wait(std::chrono::seconds limit) {
    return child_.wait(system_clock(), Deadline(system_clock(), limit));
}

void OperatorCommand::kill() {
    child_.signal(SIGKILL);
    wait_until(system_clock(), Deadline(system_clock(), 60s), 10ms, [&] { return child_.poll().has_value(); });
}

std::string OperatorCommand::output() const {
    const Result<std::string> text = fs::read_file(log_);
    return text && text->size() >= begin_ ? text->substr(begin_) : std::string();
}

}  // namespace polygon::support
