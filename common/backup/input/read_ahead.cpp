#include <optional>
#include <thread>

#include "common/backup/input/byte_source.h"
#include "common/base/bounded_queue.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kMostBytesAhead = 2U << 20;
constexpr std::size_t kMostBlocksAhead = 16;

class ReadAhead : public ByteSource {
  public:
    explicit ReadAhead(std::unique_ptr<ByteSource> source)
        : source_(std::move(source)), queue_(kMostBytesAhead, kMostBlocksAhead), thread_([this] { run(); }) {}

    ~ReadAhead() override {
        queue_.close();
        thread_.join();
    }

    Result<Block> read() override {
        if (end_) return *end_;
        Result<Block> block = *queue_.pop();  // only the destructor closes it
        if (!block || block->is_empty()) end_ = block;
        return block;
    }

  private:
    void run() {
        while (true) {
            Result<Block> block = source_->read();
            const bool is_last = !block || block->is_empty();
            const std::size_t bytes = is_last ? 0 : block->bytes.size();
            if (!queue_.push(std::move(block), bytes) || is_last) return;
        }
    }

    std::unique_ptr<ByteSource> source_;
    BoundedQueue<Result<Block>> queue_;
    std::optional<Result<Block>> end_;
    std::thread thread_;
};

}  // namespace

std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source) {
    return std::make_unique<ReadAhead>(std::move(source));
}

}  // namespace polygon::backup
