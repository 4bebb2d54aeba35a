#include "common/cli/progress_display.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/cli/units.h"

namespace polygon::cli {
namespace {

using namespace std::chrono_literals;

constexpr auto kRedraw = 100ms;
constexpr auto kLine = 5s;
constexpr std::uint64_t kLinePercent = 5;
constexpr std::size_t kNarrowestBar = 10;
constexpr std::size_t kWidestBar = 60;

std::string figures_after_bar(const Figures& figures, const Pace& pace) {
    std::string text = human_bytes(figures.bytes_done);
    if (figures.has_total()) text += fmt::format(" of {}", human_bytes(figures.bytes_total));
    if (pace.bytes_per_second() > 0) text += fmt::format("  {}/s", human_bytes(pace.bytes_per_second()));
    if (const auto left = pace.left()) text += fmt::format("  {} left", human_duration(*left));
    return text;
}

}  // namespace

std::string render_bar(const std::string& activity, const Figures& figures, const Pace& pace, std::size_t width) {
    const std::string after = figures_after_bar(figures, pace);
    if (!figures.has_total()) return fmt::format("{} {}", activity, after).substr(0, width);
    const std::string before = fmt::format("{} {:>3} % ", activity, figures.percent());
    const std::size_t text = before.size() + after.size();
    if (width < text + kNarrowestBar + 3) return (before + after).substr(0, width);
    const std::size_t columns = std::min(kWidestBar, width - text - 3);
    const std::size_t filled = columns * figures.percent() / 100;
    return fmt::format("{}[{:<{}}] {}", before, std::string(filled, '#'), columns, after);
}

ProgressDisplay::ProgressDisplay(Clock& clock, std::string activity, std::function<std::size_t()> terminal_width)
    : clock_(clock), activity_(std::move(activity)), terminal_width_(std::move(terminal_width)), last_(clock.now()) {}

ProgressDisplay::~ProgressDisplay() {
    if (is_drawn_) show_live_line("");
}

void ProgressDisplay::show(const Figures& figures, const Pace& pace) {
    const auto since_last = clock_.now() - last_;
    const bool is_line_due = since_last >= kLine || figures.percent() >= percent_ + kLinePercent;
    if (since_last < kRedraw && !is_line_due) return;
    if (const std::size_t width = terminal_width_(); width == 0) {
        if (is_line_due) log_line(figures, pace);
    } else if (since_last >= kRedraw) {
        draw(figures, pace, width);
    }
}

// One column stays free: in the last one some terminals wrap already.
void ProgressDisplay::draw(const Figures& figures, const Pace& pace, std::size_t width) {
    last_ = clock_.now();
    percent_ = figures.percent();
    is_drawn_ = true;
    show_live_line(render_bar(activity_, figures, pace, width - 1));
}

void ProgressDisplay::log_line(const Figures& figures, const Pace& pace) {
    last_ = clock_.now();
    percent_ = figures.percent();
    const auto left = pace.left();
    if (!figures.has_total()) {
        log_info(activity_, {{"bytes", figures.bytes_done}, {"bytes_per_second", pace.bytes_per_second()}});
        return;
    }
    if (!left) {
        log_info(activity_, {{"percent", percent_}, {"bytes", figures.bytes_done}, {"of", figures.bytes_total}});
        return;
    }
    log_info(activity_, {{"percent", percent_},
                         {"bytes", figures.bytes_done},
                         {"of", figures.bytes_total},
                         {"bytes_per_second", pace.bytes_per_second()},
                         {"seconds_left", left->count()}});
}

std::size_t stderr_width() {
    const char* terminal = std::getenv("TERM");
    if (::isatty(STDERR_FILENO) == 0 || terminal == nullptr || std::string_view(terminal) == "dumb") return 0;
    winsize size = {};
    if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return 80;
    return size.ws_col;
}

void erase_left_over_bar() {
    if (stderr_width() == 0) return;
    show_live_line(" ");
    show_live_line("");
}

}  // namespace polygon::cli
