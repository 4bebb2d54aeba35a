#include "bootstrap/restore/status_file.h"

#include <nlohmann/json.hpp>

#include "common/base/log.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;
using Json = nlohmann::ordered_json;

constexpr auto kInterval = 500ms;
constexpr mode_t kMode = 0644;  // for a monitoring of another user; it holds no secret

// Paths in a message may be no UTF-8.
std::string to_text(const Json& json) {
    return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

void StatusFile::enter(const std::string& phase) {
    phase_ = phase;
    write("running", "");
}

void StatusFile::update(const cli::Figures& figures, const cli::Pace& pace) {
    figures_ = figures;
    pace_ = pace;
    if (clock_.now() - written_ >= kInterval) write("running", "");
}

void StatusFile::announce(const std::string& address) {
    address_ = address;
    write("running", "");
}

void StatusFile::end(const Status& outcome) {
    if (outcome) {
        write("done", "");
    } else {
        write("failed", outcome.error().message);
    }
}

void StatusFile::fail_from_outside(const std::string& error) {
    if (path_.empty()) return;
    const Json found = Json::parse(fs::read_file(path_).value_or(""), nullptr, false);
    Json status = found.is_object() ? found : Json::object();
    status["updated_at"] = format_utc(clock_.wall());
    status["state"] = "failed";
    status["error"] = error;
    put(to_text(status));
}

void StatusFile::write(const std::string& state, const std::string& error) {
    if (path_.empty()) return;
    written_ = clock_.now();
    const auto left = pace_.left();
    Json status = {{"phase", phase_},
                   {"bytes_done", figures_.bytes_done},
                   {"bytes_total", figures_.bytes_total},
                   {"files_done", figures_.files_done},
                   {"files_total", figures_.files_total},
                   {"bytes_per_second", pace_.bytes_per_second()},
                   {"seconds_left", left ? Json(left->count()) : Json(nullptr)},
                   {"updated_at", format_utc(clock_.wall())},
                   {"state", state}};
    if (!address_.empty()) status["address"] = address_;
    if (!error.empty()) status["error"] = error;
    put(to_text(status));
}

// A monitoring that finds nothing new is no reason to lose hours of work.
void StatusFile::put(const std::string& content) {
    const Status written = fs::replace_file(path_, content, kMode);
    if (written || has_warned_) return;
    has_warned_ = true;
    log_warning("the status file is not written: " + written.error().message);
}

}  // namespace polygon::bootstrap
