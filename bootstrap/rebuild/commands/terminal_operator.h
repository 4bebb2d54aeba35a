// The operator at the terminal, or whoever reads the log: shows the rebuild, and takes signals as wishes.
#pragma once

#include "bootstrap/rebuild/coordinator/coordinator.h"
#include "bootstrap/rebuild/coordinator/picture.h"
#include "common/process/signals.h"

namespace polygon::rebuild {

// The exit status of a program that a signal has ended, less the signal's number.
inline constexpr int kSignalled = 128;

// To stdout, at once.
void print(const std::string& text);
// Both stdin and stderr.
bool is_on_terminal();

// What is drawn on the terminal goes with it.
struct LiveLines {
    LiveLines() = default;
    ~LiveLines();
    LiveLines(const LiveLines&) = delete;
    LiveLines& operator=(const LiveLines&) = delete;
};

class TerminalOperator final : public Operator {
  public:
    explicit TerminalOperator(Clock& clock);

    void show(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for) override;
    // Ctrl-C on a terminal asks what is wanted. Elsewhere a signal aborts what has not yet stopped the polygon, and
    // detaches from what has.
    std::optional<Wish> wait(std::chrono::milliseconds duration, const View* view) override;

    // Outside the loop of a rebuild: the next signal, or nothing after `timeout`.
    std::optional<int> next_signal(std::chrono::milliseconds timeout);
    // A question on the terminal: the letter of the answer, or nothing where there is no terminal, nobody answers
    // within `limit`, or another signal comes.
    std::optional<char> ask(const std::string& question, const std::string& letters, std::chrono::seconds limit);
    // The last signal that either of them was given; 0: none.
    int interrupted_by() const { return interrupted_by_; }

  private:
    Wish ask_wish(int signal, bool has_way_back);

    Clock& clock_;
    process::AwaitedSignals signals_;
    LiveLines live_lines_;
    int interrupted_by_ = 0;
    Paces paces_;
    Changes changes_;
};

}  // namespace polygon::rebuild
