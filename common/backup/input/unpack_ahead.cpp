#include <thread>
#include <variant>

#include "common/backup/input/member_reader.h"
#include "common/base/bounded_queue.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kMostBytesAhead = 4U << 20;
constexpr std::size_t kMostStepsAhead = 256;

// A member, a part of its content (empty: its end), the end of all (no member), or what went wrong.
using Step = std::variant<std::optional<Member>, Block, Error>;

class UnpackAhead : public MemberReader {
  public:
    explicit UnpackAhead(std::unique_ptr<MemberReader> reader)
        : reader_(std::move(reader)), queue_(kMostBytesAhead, kMostStepsAhead), thread_([this] { run(); }) {}

    ~UnpackAhead() override {
        queue_.close();
        thread_.join();
    }

    Result<std::optional<Member>> next() override {
        while (true) {
            const Step& step = take();
            if (const Error* error = std::get_if<Error>(&step)) return *error;
            if (const auto* member = std::get_if<std::optional<Member>>(&step)) {
                is_in_file_ = *member && (*member)->type == Member::Type::file;
                return *member;
            }
        }
    }

    Result<Block> read() override {
        if (!is_in_file_) return Block();
        const Step& step = take();
        if (const Error* error = std::get_if<Error>(&step)) return *error;
        is_in_file_ = !std::get<Block>(step).is_empty();
        return std::get<Block>(step);
    }

  private:
    // The last step, an error or the end, is given again and again.
    const Step& take() {
        if (!is_at_last_) step_ = *queue_.pop();  // only the destructor closes it
        const auto* member = std::get_if<std::optional<Member>>(&step_);
        is_at_last_ = std::holds_alternative<Error>(step_) || (member != nullptr && !*member);
        return step_;
    }

    void run() {
        while (true) {
            Result<std::optional<Member>> member = reader_->next();
            if (!member) {
                queue_.push(std::move(member).error(), 0);
                return;
            }
            const bool is_last = !*member;
            const bool is_file = !is_last && (*member)->type == Member::Type::file;
            if (!queue_.push(std::move(*member), 0) || is_last) return;
            if (is_file && !pass_content()) return;
        }
    }

    // False when there is nothing more to do.
    bool pass_content() {
        while (true) {
            Result<Block> block = reader_->read();
            if (!block) {
                queue_.push(std::move(block).error(), 0);
                return false;
            }
            const std::size_t bytes = block->bytes.size();
            if (!queue_.push(std::move(*block), bytes)) return false;
            if (bytes == 0) return true;
        }
    }

    std::unique_ptr<MemberReader> reader_;
    BoundedQueue<Step> queue_;
    Step step_;
    bool is_at_last_ = false;
    bool is_in_file_ = false;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<MemberReader> unpack_ahead(std::unique_ptr<MemberReader> reader) {
    return std::make_unique<UnpackAhead>(std::move(reader));
}

}  // namespace polygon::backup
