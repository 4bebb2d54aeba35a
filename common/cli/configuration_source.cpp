#include "common/cli/configuration_source.h"

#include <fmt/format.h>

#include "common/process/environment.h"

namespace polygon::cli {
namespace {

namespace stdfs = std::filesystem;

// The place of `patroni` itself: alone, or behind an interpreter.
std::optional<std::size_t> find_patroni(const std::vector<std::string>& command_line) {
    for (std::size_t i = 0; i < command_line.size() && i < 4; ++i) {
        if (stdfs::path(command_line[i]).filename() == "patroni") return i;
    }
    return std::nullopt;
}

// A relative path on the parent's command line is relative to the parent's directory.
stdfs::path resolve_in_directory_of(pid_t pid, const stdfs::path& path) {
    if (path.is_absolute()) return path;
    std::error_code error;
    const stdfs::path directory = stdfs::read_symlink(fmt::format("/proc/{}/cwd", pid), error);
    return error ? path : directory / path;
}

}  // namespace

bool is_patroni(const std::vector<std::string>& command_line) {
    return find_patroni(command_line).has_value();
}

std::optional<stdfs::path> configuration_argument(const std::vector<std::string>& command_line) {
    const std::optional<std::size_t> patroni = find_patroni(command_line);
    if (!patroni) return std::nullopt;
    for (std::size_t i = *patroni + 1; i < command_line.size(); ++i) {
        if (!command_line[i].starts_with("-")) return command_line[i];
    }
    return std::nullopt;
}

ConfigurationSource find_configuration(const std::optional<stdfs::path>& flag, pid_t parent) {
    ConfigurationSource source{.environment = process::own_environment()};
    const Result<std::vector<std::string>> command_line = process::read_command_line(parent);
    if (command_line && is_patroni(*command_line)) {
        if (const auto file = configuration_argument(*command_line)) {
            source.path = resolve_in_directory_of(parent, *file);
        }
        if (const auto environment = process::read_environment(parent)) {
            for (const auto& [name, value] : *environment) {
                if (name.starts_with("PATRONI_")) source.environment.try_emplace(name, value);
            }
        }
    }
    if (const auto named = source.environment.find("POLYGON_CONFIG"); named != source.environment.end()) {
        source.path = named->second;
    }
    if (flag) source.path = *flag;
    return source;
}

}  // namespace polygon::cli
