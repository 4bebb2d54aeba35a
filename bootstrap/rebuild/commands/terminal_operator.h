// The operator at the terminal, or whoever reads the log: shows the rebuild, and takes signals as wishes.
#pragma once

#include "bootstrap/rebuild/coordinator/coordinator.h"
#include "bootstrap/rebuild/coordinator/picture.h"
#include "common/process/signals.h"

namespace polygon::rebuild {

// A question on the terminal: the letter of the answer, or nothing where there is no terminal, nobody answers within
// `limit`, or another signal comes.
std::optional<char> ask(const std::string& question, const std::string& letters, std::chrono::seconds limit,
                        const process::AwaitedSignals& signals);
// Both stdin and stderr.
bool is_on_terminal();

class TerminalOperator final : public Operator {
  public:
    explicit TerminalOperator(Clock& clock);
    ~TerminalOperator() override;
    TerminalOperator(const TerminalOperator&) = delete;
    TerminalOperator& operator=(const TerminalOperator&) = delete;

    void show(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for) override;
    // Ctrl-C on a terminal asks what is wanted. Elsewhere a signal aborts what has not yet stopped the polygon, and
    // detaches from what has.
    std::optional<Wish> wait(std::chrono::milliseconds duration, const View* view) override;

    const process::AwaitedSignals& signals() const { return signals_; }

  private:
    Wish ask_wish(int signal, bool has_way_back);

    Clock& clock_;
    process::AwaitedSignals signals_;
    Paces paces_;
    Changes changes_;
};

}  // namespace polygon::rebuild
