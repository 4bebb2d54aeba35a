// Progress as an operator sees it: a bar redrawn in place on a terminal, a line in the log now and then elsewhere.
#pragma once

#include <cstddef>
#include <functional>
#include <string>

#include "common/base/clock.h"
#include "common/cli/pace.h"

namespace polygon::cli {

// "restoring  42 % [####      ] 1.2 GiB of 2.9 GiB  310 MiB/s  0:05 left", at most `width` columns: the bar takes what
// is left, and what does not fit is left out. "restoring 1.2 GiB  310 MiB/s" without a total.
std::string render_bar(const std::string& activity, const Figures& figures, const Pace& pace, std::size_t width);

class ProgressDisplay {
  public:
    // `terminal_width` gives the columns, or 0 where no bar is to be drawn; it is asked each time, as a window may
    // change.
    ProgressDisplay(Clock& clock, std::string activity, std::function<std::size_t()> terminal_width);
    ~ProgressDisplay();
    ProgressDisplay(const ProgressDisplay&) = delete;
    ProgressDisplay& operator=(const ProgressDisplay&) = delete;

    // As often as the work likes: a bar is redrawn ten times a second at most, a line comes every 5 s or 5 %. Never by
    // two threads at once.
    void show(const Figures& figures, const Pace& pace);

  private:
    void draw(const Figures& figures, const Pace& pace, std::size_t width);
    void log_line(const Figures& figures, const Pace& pace);

    Clock& clock_;
    std::string activity_;
    std::function<std::size_t()> terminal_width_;
    Clock::Instant last_;
    std::uint64_t percent_ = 0;
    bool is_drawn_ = false;
};

// Of stderr; 0 if it is no terminal, or one that cannot move its cursor (TERM=dumb).
std::size_t stderr_width();

// Takes away what a process that was killed has left of its bar.
void erase_left_over_bar();

}  // namespace polygon::cli
