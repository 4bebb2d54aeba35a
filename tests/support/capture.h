// What code under test writes to stderr.
#pragma once

#include <cstdio>
#include <string>
#include <utility>

#include <unistd.h>

namespace polygon::support {

template <class Write>
std::string capture_stderr(Write&& write) {
    std::FILE* file = std::tmpfile();
    std::fflush(stderr);
    const int saved = dup(2);
    dup2(fileno(file), 2);
    std::forward<Write>(write)();
    std::fflush(stderr);
    dup2(saved, 2);
    close(saved);
    std::rewind(file);
    std::string text;
    char buffer[4096];
    while (const std::size_t got = std::fread(buffer, 1, sizeof buffer, file))
        text.append(buffer, got);
    std::fclose(file);
    return text;
}

}  // namespace polygon::support
