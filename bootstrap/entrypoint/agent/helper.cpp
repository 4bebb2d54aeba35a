#include "bootstrap/entrypoint/agent/helper.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

#include "common/base/log.h"
#include "common/fs/file.h"

namespace polygon::entrypoint {
namespace {

void remove_quietly(const std::filesystem::path& path) {
    std::error_code ignored;
    std::filesystem::remove(path, ignored);
}

std::string text_of(const nlohmann::json& status, const char* key) {
    return status.contains(key) && status[key].is_string() ? status[key].get<std::string>() : std::string();
}

std::uint64_t number_of(const nlohmann::json& status, const char* key) {
    return status.contains(key) && status[key].is_number_unsigned() ? status[key].get<std::uint64_t>() : 0;
}

}  // namespace

void read_status_file(const std::filesystem::path& path, HelperSeen& seen) {
    const auto text = fs::read_file(path);
    if (!text) return;
    const nlohmann::json status = nlohmann::json::parse(*text, nullptr, false);
    if (!status.is_object()) return;
    seen.activity = text_of(status, "phase");
    seen.bytes_done = number_of(status, "bytes_done");
    seen.bytes_total = number_of(status, "bytes_total");
    seen.address = text_of(status, "address");
    seen.error = text_of(status, "error");
}

Helper::Helper(Supervisor& supervisor, HelperSettings settings)
    : supervisor_(supervisor), settings_(std::move(settings)) {
    remove_quietly(settings_.status_file);
}

Helper::~Helper() {
    remove_quietly(settings_.status_file);
}

Status Helper::start(HelperKind kind, const Attempt& attempt, std::vector<std::string> arguments) {
    remove_quietly(settings_.status_file);
    std::vector<std::string> argv = {settings_.program};
    argv.insert(argv.end(), arguments.begin(), arguments.end());
    if (settings_.configuration) argv.insert(argv.end(), {"--config", settings_.configuration->string()});
    argv.insert(argv.end(), {"--status-file", settings_.status_file.string()});
    log_info("starts the helper", {{"command", fmt::format("{}", fmt::join(argv, " "))}});
    run_ = TRY(HelperRun::start(supervisor_, argv));
    seen_ = HelperSeen{.kind = kind, .attempt = attempt};
    return {};
}

void Helper::end() {
    if (!run_) return;
    run_->end();
    seen_->was_ended = true;
}

void Helper::poll() {
    if (!run_) return;
    const std::optional<int> exit_status = run_->poll();
    read_status_file(settings_.status_file, *seen_);
    if (exit_status) note_end(*exit_status);
}

void Helper::note_end(int exit_status) {
    seen_->state = exit_status == 0 ? HelperState::done : HelperState::failed;
    seen_->address.clear();
    if (exit_status == 0) {
        seen_->error.clear();
    } else if (seen_->error.empty()) {
        seen_->error = run_->last_errors();
    }
    if (exit_status != 0 && seen_->error.empty()) {
        seen_->error = fmt::format("{} ended with status {}", settings_.program, exit_status);
    }
    log_info("the helper has ended", {{"status", exit_status}});
    remove_quietly(settings_.status_file);
    run_.reset();
}

}  // namespace polygon::entrypoint
