#include <algorithm>

#include "common/base/log.h"
#include "common/cli/pace.h"
#include "common/cli/progress_display.h"
#include "common/cli/units.h"
#include "tests/support/capture.h"
#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"

namespace polygon::cli {
namespace {

using namespace std::chrono_literals;
using support::capture_stderr;
using support::FakeClock;

constexpr std::uint64_t kMiB = 1024 * 1024;

Figures figures_of(std::uint64_t bytes_done, std::uint64_t bytes_total = 1000 * kMiB) {
    return {.bytes_done = bytes_done, .bytes_total = bytes_total, .files_done = 1, .files_total = 2};
}

std::ptrdiff_t count_lines(const std::string& text) {
    return std::count(text.begin(), text.end(), '\n');
}

TEST_CASE("amounts have a unit and three digits at most") {
    CHECK(human_bytes(0) == "0 B");
    CHECK(human_bytes(1023) == "1023 B");
    CHECK(human_bytes(1024) == "1.0 KiB");
    CHECK(human_bytes(10 * 1024) == "10 KiB");
    CHECK(human_bytes(1023 * 1024) == "1.0 MiB");
    CHECK(human_bytes(1536 * kMiB) == "1.5 GiB");
    CHECK(human_bytes(~std::uint64_t{0}) == "16 EiB");
    CHECK(human_duration(5s) == "0:05");
    CHECK(human_duration(750s) == "12:30");
    CHECK(human_duration(3727s) == "1:02:07");
}

TEST_CASE("of nothing, all is done; of too much, no more than all") {
    CHECK(Figures{}.percent() == 100);
    CHECK(figures_of(999 * kMiB).percent() == 99);
    CHECK(figures_of(2000 * kMiB).percent() == 100);
}

TEST_CASE("without a total there is no percentage, no bar and no time left") {
    FakeClock clock;
    Pace pace;
    pace.observe(clock.now(), figures_of(0, 0));
    clock.advance(1s);
    pace.observe(clock.now(), figures_of(100 * kMiB, 0));
    CHECK(pace.bytes_per_second() == 100 * kMiB);
    CHECK_FALSE(pace.left().has_value());
    CHECK(render_bar("restoring", figures_of(100 * kMiB, 0), pace, 80) == "restoring 100 MiB  100 MiB/s");
    const std::string text = capture_stderr([&] {
        ProgressDisplay display(clock, "restoring", [] { return std::size_t{0}; });
        clock.advance(5s);
        display.show(figures_of(100 * kMiB, 0), pace);
    });
    CHECK_THAT(text, ContainsText("restoring bytes=104857600 bytes_per_second=104857600\n"));
}

TEST_CASE("the rate is that of the last seconds, and the time left follows from it") {
    FakeClock clock;
    Pace pace;
    CHECK(pace.bytes_per_second() == 0);
    pace.observe(clock.now(), figures_of(0));
    CHECK_FALSE(pace.left().has_value());
    for (std::uint64_t second = 1; second <= 4; ++second) {
        clock.advance(1s);
        pace.observe(clock.now(), figures_of(second * 100 * kMiB));
    }
    CHECK(pace.bytes_per_second() == 100 * kMiB);
    CHECK(pace.left() == 6s);
    for (std::uint64_t second = 1; second <= 10; ++second) {
        clock.advance(1s);
        pace.observe(clock.now(), figures_of((400 + second * 10) * kMiB));
    }
    CHECK(pace.bytes_per_second() == 10 * kMiB);
    CHECK(pace.left() == 50s);
}

TEST_CASE("thousands of observations a second give the same rate") {
    FakeClock clock;
    Pace pace;
    for (std::uint64_t i = 0; i <= 8000; ++i) {
        pace.observe(clock.now(), figures_of(i * kMiB / 10));
        clock.advance(1ms);
    }
    CHECK(pace.bytes_per_second() >= 99 * kMiB);
    CHECK(pace.bytes_per_second() <= 101 * kMiB);
}

TEST_CASE("a bar has percent, amounts, rate and time left, and fills the width") {
    FakeClock clock;
    Pace pace;
    pace.observe(clock.now(), figures_of(0));
    clock.advance(4s);
    pace.observe(clock.now(), figures_of(400 * kMiB));
    CHECK(render_bar("restoring", figures_of(400 * kMiB), pace, 80) ==
          "restoring  40 % [########             ] 400 MiB of 1.0 GiB  100 MiB/s  0:06 left");
    CHECK(render_bar("restoring", figures_of(400 * kMiB), pace, 62) ==
          "restoring  40 % 400 MiB of 1.0 GiB  100 MiB/s  0:06 left");
    CHECK(render_bar("restoring", figures_of(400 * kMiB), pace, 20) == "restoring  40 % 400 ");
    CHECK(render_bar("restoring", figures_of(0), Pace(), 60) ==
          "restoring   0 % [                           ] 0 B of 1.0 GiB");
}

TEST_CASE("on a terminal the bar is redrawn ten times a second at most, and gone at the end") {
    FakeClock clock;
    const std::string text = capture_stderr([&] {
        ProgressDisplay display(clock, "restoring", [] { return std::size_t{60}; });
        for (std::uint64_t i = 0; i < 1000; ++i) {  // one second
            display.show(figures_of(i * kMiB), Pace());
            clock.advance(1ms);
        }
    });
    const auto drawn = std::count(text.begin(), text.end(), '[') / 2;  // one of the bar, one of the escape sequence
    CHECK(drawn >= 9);
    CHECK(drawn <= 10);
    CHECK(count_lines(text) == 0);
    CHECK(text.ends_with("\r\x1b[K"));
}

TEST_CASE("elsewhere a line comes every five percent") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    FakeClock clock;
    const std::string text = capture_stderr([&] {
        ProgressDisplay display(clock, "restoring", [] { return std::size_t{0}; });
        for (std::uint64_t i = 0; i <= 1000; ++i)
            display.show(figures_of(i * kMiB), Pace());
    });
    CHECK(count_lines(text) == 20);
    CHECK_THAT(text, ContainsText("INFO tester: restoring percent=5 bytes=52428800 of=1048576000\n"));
    CHECK_THAT(text, ContainsText("percent=100"));
    CHECK(text.find('\r') == std::string::npos);
}

TEST_CASE("elsewhere a line comes every five seconds, with the rate and the time left") {
    configure_log("tester", LogLevel::info, LogFormat::text);
    FakeClock clock;
    Pace pace;
    const std::string text = capture_stderr([&] {
        ProgressDisplay display(clock, "restoring", [] { return std::size_t{0}; });
        for (std::uint64_t i = 0; i <= 120; ++i) {  // twelve seconds at 1 MiB/s
            const Figures figures = figures_of(i * kMiB / 10);
            pace.observe(clock.now(), figures);
            display.show(figures, pace);
            clock.advance(100ms);
        }
    });
    CHECK(count_lines(text) == 2);
    CHECK_THAT(text, ContainsText("restoring percent=0 bytes=5242880 of=1048576000 bytes_per_second=1048"));
    CHECK_THAT(text, ContainsText("seconds_left=99"));
}

}  // namespace
}  // namespace polygon::cli
