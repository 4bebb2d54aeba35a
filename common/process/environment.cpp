#include "common/process/environment.h"

#include <array>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>
#include <unistd.h>

namespace polygon::process {
namespace {

// The NUL-terminated strings of a file in /proc.
Result<std::vector<std::string>> read_strings(pid_t pid, const char* file) {
    const std::string path = fmt::format("/proc/{}/{}", pid, file);
    std::ifstream stream(path, std::ios::binary);
    if (!stream) return errno_error(Errc::io, fmt::format("cannot read '{}'", path), errno);
    // By read(), which turns a process that ends meanwhile into a state of the stream; an iterator would throw.
    std::string text;
    std::array<char, 4096> buffer;
    while (stream.read(buffer.data(), buffer.size()) || stream.gcount() > 0)
        text.append(buffer.data(), static_cast<std::size_t>(stream.gcount()));
    if (stream.bad()) return errno_error(Errc::io, fmt::format("cannot read '{}'", path), ESRCH);
    std::vector<std::string> strings;
    for (std::size_t start = 0; start < text.size();) {
        const std::size_t end = std::min(text.find('\0', start), text.size());
        strings.push_back(text.substr(start, end - start));
        start = end + 1;
    }
    return strings;
}

void insert(Environment& environment, const std::string& assignment) {
    const std::size_t equals = assignment.find('=');
    if (equals != std::string::npos && equals > 0) {
        environment[assignment.substr(0, equals)] = assignment.substr(equals + 1);
    }
}

}  // namespace

Environment own_environment() {
    Environment environment;
    for (char** entry = environ; *entry != nullptr; ++entry)
        insert(environment, *entry);
    return environment;
}

Result<Environment> read_environment(pid_t pid) {
    Environment environment;
    for (const std::string& assignment : TRY(read_strings(pid, "environ")))
        insert(environment, assignment);
    return environment;
}

Result<std::vector<std::string>> read_command_line(pid_t pid) {
    return read_strings(pid, "cmdline");
}

}  // namespace polygon::process
