// One event a line on stderr, `key=value` at the end, or JSON with `--log-format json`. Names and messages of others
// are printable() in it.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/base/error.h"

namespace polygon {

enum class LogLevel { debug, info, warning, error };
enum class LogFormat { text, json };

struct LogField {
    std::string_view key;
    std::string value;

    template <class T>
    LogField(std::string_view name, const T& of) : key(name), value(fmt::format("{}", of)) {}
};

using LogFields = std::initializer_list<LogField>;

// Once, from main; before it, text at level info under no program's name.
void configure_log(std::string_view program, LogLevel level, LogFormat format);

void log(LogLevel level, std::string_view message, LogFields fields = {});
inline void log_debug(std::string_view message, LogFields fields = {}) {
    log(LogLevel::debug, message, fields);
}
inline void log_info(std::string_view message, LogFields fields = {}) {
    log(LogLevel::info, message, fields);
}
inline void log_warning(std::string_view message, LogFields fields = {}) {
    log(LogLevel::warning, message, fields);
}

// A line that stays at the bottom of the terminal, below everything that is logged, until the next call replaces it; ""
// takes it away. Only where stderr is a terminal.
void show_live_line(std::string_view line);

// The same with several lines, redrawn in place as one; none take them away. They have to fit the terminal's width.
void show_live_lines(const std::vector<std::string>& lines);

// The final error of a program: the message, its code, and the hint on a line of its own. For the top level alone.
void log_error(const Error& error);

}  // namespace polygon
