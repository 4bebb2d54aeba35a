#include "common/base/log.h"

#include <string>

#include "common/base/secret.h"
#include "tests/support/capture.h"
#include "tests/support/catch.h"

namespace polygon {
namespace {

using support::capture_stderr;

TEST_CASE("an event is one line with its fields at the end, quoted where they need it") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string line = capture_stderr([] {
        log_info("two\nlines", {{"count", 3}, {"path", "/a b"}, {"secret", Secret("x")}});
    });
    CHECK_THAT(line, ContainsText("INFO tester: two lines count=3 path=\"/a b\" secret=***\n"));
}

TEST_CASE("a hostile name draws nothing on the terminal, in message, field, error or live line") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string lines = capture_stderr([] {
        log_info("role '\x1b[2J\a' of ลูกค้า", {{"plain", "a\x1b"}, {"quoted", "a b\x7f\n\xc2\x9b"}, {"thai", "ลูกค้า"}});
        log_error({Errc::database, "a trigger raised '\x1b]0;x\a'", "See '\x1b'."});
    });
    CHECK_THAT(lines, ContainsText("role '\\x1b[2J\\x07' of ลูกค้า plain=\"a\\u001b\" quoted=\"a b\\x7f\\n\\xc2\\x9b\" "
                                   "thai=ลูกค้า\n"));
    CHECK_THAT(lines, ContainsText("a trigger raised '\\x1b]0;x\\x07' code=database\n"));
    CHECK_THAT(lines, ContainsText("HINT: See '\\x1b'.\n"));
    CHECK(lines.find_first_of("\x1b\a\x7f") == std::string::npos);
    const std::string live = capture_stderr([] {
        show_live_line("label\a");
        show_live_line("");
    });
    CHECK_THAT(live, ContainsText("label\\x07"));
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

TEST_CASE("a logged line goes above the live line, which stays the last on the terminal") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string text = capture_stderr([] {
        show_live_line("42 %");
        log_info("meanwhile");
        show_live_line("43 %");
        show_live_line("");
        log_info("after");
    });
    const std::size_t meanwhile = text.find("INFO tester: meanwhile\n");
    REQUIRE(meanwhile != std::string::npos);
    CHECK(text.starts_with("\r\x1b[K42 %\r\x1b[K"));
    CHECK_THAT(text.substr(meanwhile), ContainsText("INFO tester: meanwhile\n42 %\r\x1b[K43 %\r\x1b[K"));
    CHECK(text.ends_with("INFO tester: after\n"));
}

TEST_CASE("several live lines are redrawn in place as one, below what is logged, and go as one") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    const std::string drawn = capture_stderr([] { show_live_lines({"header", "polygon1", "\x1b[2J"}); });
    CHECK(drawn == "\r\x1b[Kheader\npolygon1\n\\x1b[2J");
    const std::string redrawn = capture_stderr([] { show_live_lines({"header", "polygon1 done"}); });
    CHECK(redrawn == "\r\x1b[K\x1b[A\x1b[K\x1b[A\x1b[Kheader\npolygon1 done");
    const std::string logged = capture_stderr([] { log_info("told"); });
    CHECK(logged.starts_with("\r\x1b[K\x1b[A\x1b[K"));
    CHECK(logged.ends_with("INFO tester: told\nheader\npolygon1 done"));
    const std::string gone = capture_stderr([] { show_live_lines({}); });
    CHECK(gone == "\r\x1b[K\x1b[A\x1b[K");
    CHECK(capture_stderr([] { show_live_lines({}); }).empty());
}

TEST_CASE("without a live line nothing but the lines is written") {
    const std::string text = capture_stderr([] {
        show_live_line("");
        log_info("alone");
    });
    CHECK(text.find('\x1b') == std::string::npos);
    CHECK(text.find('\r') == std::string::npos);
}

}  // namespace
}  // namespace polygon
