#include "common/base/log.h"

#include <cstdio>
#include <string>

#include <fcntl.h>
#include <unistd.h>

#include "common/base/secret.h"
#include "tests/support/catch.h"

namespace polygon {
namespace {

// What `write` sends to stderr.
template <class Write>
std::string capture_stderr(Write&& write) {
    std::FILE* file = std::tmpfile();
    std::fflush(stderr);
    const int saved = dup(2);
    dup2(fileno(file), 2);
    write();
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

TEST_CASE("an event is one line with its fields at the end, quoted where they need it") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string line = capture_stderr([] {
        log_info("two\nlines", {{"count", 3}, {"path", "/a b"}, {"secret", Secret("x")}});
    });
    CHECK_THAT(line, ContainsText("INFO tester: two lines count=3 path=\"/a b\" secret=***\n"));
}

TEST_CASE("debug is silent at level info") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    CHECK(capture_stderr([] { log_debug("unseen"); }).empty());
}

TEST_CASE("JSON lines carry time, level, program, message and fields") {
    configure_log("tester", LogLevel::info, LogFormat::json);
    const std::string line = capture_stderr([] { log_warning("say \"it\"", {{"n", 1}}); });
    CHECK_THAT(line, ContainsText(R"(Z","level":"WARNING","program":"tester","message":"say \"it\"","n":"1"})"));
    CHECK(line.front() == '{');
    configure_log("tester", LogLevel::info, LogFormat::text);
}

TEST_CASE("the final error names its code and gives its hint on a line of its own") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string lines = capture_stderr([] { log_error({Errc::io, "cannot open 'x'", "Look for it."}); });
    CHECK_THAT(lines, ContainsText("ERROR tester: cannot open 'x' code=io\n"));
    CHECK_THAT(lines, ContainsText("ERROR tester: HINT: Look for it.\n"));
}

}  // namespace
}  // namespace polygon
