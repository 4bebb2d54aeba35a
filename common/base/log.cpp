#include "common/base/log.h"

#include <cstdio>
#include <memory>
#include <mutex>

#include <fmt/ranges.h>
#include <nlohmann/json.hpp>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include "common/base/printable.h"

namespace polygon {
namespace {

struct State {
    std::string program = "polygon";
    LogFormat format = LogFormat::text;
    std::mutex mutex;                     // of stderr: logged lines and the live ones
    std::vector<std::string> live_lines;  // empty: none
    std::shared_ptr<spdlog::logger> logger =
        std::make_shared<spdlog::logger>("polygon", std::make_shared<spdlog::sinks::stderr_sink_mt>());

    State() { logger->set_pattern("%Y-%m-%dT%H:%M:%S.%eZ %v", spdlog::pattern_time_type::utc); }
};

State& state() {
    static State state;
    return state;
}

spdlog::level::level_enum to_spdlog(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return spdlog::level::debug;
        case LogLevel::info:
            return spdlog::level::info;
        case LogLevel::warning:
            return spdlog::level::warn;
        case LogLevel::error:
            return spdlog::level::err;
    }
    return spdlog::level::info;
}

std::string_view name_of(LogLevel level) {
    switch (level) {
        case LogLevel::debug:
            return "DEBUG";
        case LogLevel::info:
            return "INFO";
        case LogLevel::warning:
            return "WARNING";
        case LogLevel::error:
            return "ERROR";
    }
    return "INFO";
}

// A value with a space, a quote or a control character in it is quoted, so that a line stays one line. JSON leaves some
// control characters as they are.
std::string quote_if_needed(const std::string& value) {
    const bool is_plain =
        !value.empty() && value.find_first_of(" \"\\=") == std::string::npos && printable(value) == value;
    if (is_plain) return value;
    return printable(nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
}

std::string one_line(std::string_view message) {
    std::string line(message);
    for (char& c : line) {
        if (c == '\n' || c == '\r' || c == '\t') c = ' ';
    }
    return printable(line);
}

std::string as_json(LogLevel level, std::string_view message, LogFields fields, const std::string& program) {
    nlohmann::ordered_json line = {{"level", name_of(level)}, {"program", program}, {"message", message}};
    for (const LogField& field : fields)
        line[std::string(field.key)] = field.value;
    return line.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

// ECMA-48: carriage return, erase to the end of the line; the same one line up.
constexpr const char* kEraseLine = "\r\x1b[K";
constexpr const char* kEraseLineAbove = "\x1b[A\x1b[K";

void write_stderr(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stderr);
    std::fflush(stderr);
}

// The cursor stands in the last of them, and afterwards where the first began.
std::string erasing(const std::vector<std::string>& lines) {
    std::string text = kEraseLine;
    for (std::size_t above = 1; above < lines.size(); ++above)
        text += kEraseLineAbove;
    return text;
}

std::string drawing(const std::vector<std::string>& lines) {
    return fmt::format("{}", fmt::join(lines, "\n"));
}

// Above the live lines, which are drawn again.
void write_line(LogLevel level, const std::string& line) {
    State& log_state = state();
    const std::lock_guard lock(log_state.mutex);
    if (!log_state.live_lines.empty()) write_stderr(erasing(log_state.live_lines));
    log_state.logger->log(to_spdlog(level), "{}", line);
    if (!log_state.live_lines.empty()) write_stderr(drawing(log_state.live_lines));
}

}  // namespace

void show_live_lines(const std::vector<std::string>& lines) {
    State& log_state = state();
    const std::lock_guard lock(log_state.mutex);
    std::vector<std::string> shown;
    for (const std::string& line : lines)
        shown.push_back(printable(line));
    if (shown == log_state.live_lines) return;
    write_stderr(erasing(log_state.live_lines) + drawing(shown));
    log_state.live_lines = std::move(shown);
}

void show_live_line(std::string_view line) {
    if (line.empty())
        show_live_lines({});
    else
        show_live_lines({std::string(line)});
}

void configure_log(std::string_view program, LogLevel level, LogFormat format) {
    state().program = program;
    state().format = format;
    state().logger->set_level(to_spdlog(level));
    if (format == LogFormat::json) {
        // Each line of the logger is a complete object already; the time goes in as its first member.
        state().logger->set_pattern("{\"time\":\"%Y-%m-%dT%H:%M:%S.%eZ\",%v", spdlog::pattern_time_type::utc);
    }
}

void log(LogLevel level, std::string_view message, LogFields fields) {
    const State& log_state = state();
    if (!log_state.logger->should_log(to_spdlog(level))) return;
    if (log_state.format == LogFormat::json) {
        write_line(level, as_json(level, message, fields, log_state.program).substr(1));
        return;
    }
    std::string line = fmt::format("{} {}: {}", name_of(level), log_state.program, one_line(message));
    for (const LogField& field : fields)
        line += fmt::format(" {}={}", field.key, quote_if_needed(field.value));
    write_line(level, line);
}

void log_error(const Error& error) {
    if (state().format == LogFormat::json) {
        log(LogLevel::error, error.message, {{"code", describe(error.code).name}, {"hint", error.hint}});
        return;
    }
    log(LogLevel::error, error.message, {{"code", describe(error.code).name}});
    if (!error.hint.empty()) log(LogLevel::error, "HINT: " + error.hint);
}

}  // namespace polygon
