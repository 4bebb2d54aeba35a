#include "bootstrap/entrypoint/agent/journal.h"

#include <fmt/format.h>

#include "common/base/log.h"

namespace polygon::entrypoint {
namespace {

std::string to_line(std::string_view action, const std::string& reason) {
    return reason.empty() ? std::string(action) : fmt::format("{}: {}", action, reason);
}

}  // namespace

void Journal::decide(const std::string& who, std::string_view action, const std::string& reason) {
    const auto told = lines_.find(who);
    if (told == lines_.end() || told->second != to_line(action, reason)) announce(who, action, reason);
}

void Journal::announce(const std::string& who, std::string_view action, const std::string& reason) {
    last_ = to_line(action, reason);
    lines_[who] = last_;
    log_info(fmt::format("{} decides", who), {{"action", action}, {"because", reason}});
    tell_status(last_);
}

void Journal::complain(const std::string& trouble) {
    if (trouble == trouble_) return;
    trouble_ = trouble;
    log_warning("nothing is started or stopped meanwhile: " + trouble);
    tell_status(trouble);
}

void Journal::tell_status(const std::string& line) {
    if (const Status told = service_manager_.say_status(line); !told) log_debug(told.error().message);
}

}  // namespace polygon::entrypoint
