#include "bootstrap/restore/sources/followed_program.h"

#include <array>
#include <deque>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/base/printable.h"

namespace polygon::bootstrap {
namespace {

using namespace std::chrono_literals;

constexpr std::size_t kLastMessages = 5;
constexpr std::size_t kLongestLine = 4096;
// No restore takes longer; who wants it to end earlier ends us.
constexpr std::chrono::hours kLongestRun{24 * 60};

// The lines of a file that grows.
class GrowingLines {
  public:
    GrowingLines(fs::Fd fd, const FollowedProgram& program) : fd_(std::move(fd)), program_(program) {}

    void read_on() {
        std::array<char, 16384> buffer;
        while (true) {
            const ssize_t got = ::read(fd_.get(), buffer.data(), buffer.size());
            if (got <= 0) return;
            for (const char c : std::string_view(buffer.data(), static_cast<std::size_t>(got)))
                take(c);
        }
    }
    void finish() {
        read_on();
        end_line();
    }
    std::string last_messages() const {
        std::string text;
        for (const std::string& message : messages_)
            text += (text.empty() ? "" : "; ") + message;
        return text;
    }

  private:
    void take(char c) {
        if (c == '\n' || c == '\r') {
            end_line();
        } else if (line_.size() < kLongestLine) {
            line_ += c;
        }
    }
    void end_line() {
        if (line_.empty()) return;
        const std::string line = printable(line_);
        line_.clear();
        if (program_.on_line(line) == Said::progress) return;
        messages_.push_back(line);
        if (messages_.size() > kLastMessages) messages_.pop_front();
    }

    fs::Fd fd_;
    const FollowedProgram& program_;
    std::string line_;
    std::deque<std::string> messages_;
};

}  // namespace

Status run_followed(const FollowedProgram& program, Clock& clock) {
    process::Command command = program.command;
    command.reach = process::Reach::group;
    TRY(fs::write_file_durably(command.output_file, ""));
    GrowingLines lines(TRY(fs::open_file(command.output_file, O_RDONLY | O_CLOEXEC)), program);
    process::Child child = TRY(process::Child::start(command));
    std::optional<int> status;
    const bool has_ended = wait_until(clock, Deadline(clock, kLongestRun), 100ms, [&] {
        status = child.poll();
        lines.read_on();
        return status.has_value();
    });
    lines.finish();
    TRY(fs::remove_file(command.output_file));
    if (!has_ended) return Error{Errc::timeout, fmt::format("{} did not end in time", program.name), ""};
    if (*status == 0) return {};
    return Error{Errc::process_failed,
                 fmt::format("{} ended with status {}: {}", program.name, *status, lines.last_messages()),
                 "Its own messages say why."};
}

}  // namespace polygon::bootstrap
