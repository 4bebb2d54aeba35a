#include "bootstrap/rebuild/commands/terminal_operator.h"

#include <cctype>
#include <cstdio>

#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include "common/base/log.h"
#include "common/cli/progress_display.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

constexpr auto kPatienceForAnswer = 60s;

// Has the terminal a line, it is read whole; its first letter counts.
std::optional<char> read_letter(std::chrono::milliseconds timeout) {
    pollfd input{.fd = STDIN_FILENO, .events = POLLIN, .revents = 0};
    if (::poll(&input, 1, static_cast<int>(timeout.count())) <= 0) return std::nullopt;
    char line[256];
    const ssize_t got = ::read(STDIN_FILENO, line, sizeof line);
    if (got <= 0) return '\0';
    return static_cast<char>(std::tolower(static_cast<unsigned char>(line[0])));
}

}  // namespace

bool is_on_terminal() {
    return ::isatty(STDIN_FILENO) != 0 && ::isatty(STDERR_FILENO) != 0;
}

void print(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

LiveLines::~LiveLines() {
    show_live_lines({});
}

std::optional<int> TerminalOperator::next_signal(std::chrono::milliseconds timeout) {
    const auto signal = signals_.next(timeout);
    if (signal) interrupted_by_ = *signal;
    return signal;
}

std::optional<char> TerminalOperator::ask(const std::string& question, const std::string& letters,
                                          std::chrono::seconds limit) {
    if (!is_on_terminal()) return std::nullopt;
    const Deadline deadline(system_clock(), limit);
    fmt::print(stderr, "{} ", question);
    std::fflush(stderr);
    while (!deadline.has_passed()) {
        if (next_signal(0ms)) break;
        const auto letter = read_letter(200ms);
        if (!letter) continue;
        if (*letter == '\0') break;
        if (letters.find(*letter) != std::string::npos) return letter;
        fmt::print(stderr, "{} ", question);
        std::fflush(stderr);
    }
    fmt::print(stderr, "\n");
    return std::nullopt;
}

TerminalOperator::TerminalOperator(Clock& clock) : clock_(clock), signals_({SIGINT, SIGTERM, SIGHUP}) {}

void TerminalOperator::show(const View& view, std::chrono::seconds elapsed, const std::string& waiting_for) {
    const Frame frame = make_frame(view, elapsed, waiting_for);
    paces_.observe(clock_.now(), frame.rows);
    if (const std::size_t width = cli::stderr_width(); width > 0) {
        show_live_lines(render(frame, paces_, width - 1));  // in the last column some terminals wrap already
        return;
    }
    for (const std::string& line : changes_.observe(view, frame.rows))
        log_info(line);
}

std::optional<Operator::Wish> TerminalOperator::wait(std::chrono::milliseconds duration, const View* view) {
    const auto signal = signals_.next(duration);
    if (!signal) return std::nullopt;
    if (*signal == SIGINT && is_on_terminal()) return ask_wish(*signal, view != nullptr && has_way_back(*view));
    const bool has_not_stopped = view != nullptr && etcd::is_before_stop(view->phase.phase);
    log_warning(has_not_stopped ? "interrupted: the rebuild is aborted" : "interrupted", {{"signal", *signal}});
    return Wish{.kind = has_not_stopped ? Wish::Kind::go_back : Wish::Kind::detach, .signal = *signal};
}

// No answer is to go on. Whoever chooses to go back ends as a rebuild that was rolled back, not by a signal.
Operator::Wish TerminalOperator::ask_wish(int signal, bool has_way_back) {
    show_live_lines({});
    const auto letter = has_way_back ? ask("[c]ontinue, [d]etach, or [r]oll back?", "cdr", kPatienceForAnswer)
                                     : ask("[c]ontinue, or [d]etach?", "cd", kPatienceForAnswer);
    if (letter == 'd') return {.kind = Wish::Kind::detach, .signal = signal};
    if (letter == 'r') return {.kind = Wish::Kind::go_back};
    return {.kind = Wish::Kind::go_on};
}

}  // namespace polygon::rebuild
