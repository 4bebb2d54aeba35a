// Pieces of streams that pass from stage to stage without being copied.
#pragma once

#include <cstddef>
#include <memory>
#include <span>

namespace polygon::backup {

// Whoever has a Block may read its bytes as long as it keeps it.
struct Block {
    std::shared_ptr<const void> owner;
    std::span<const std::byte> bytes;

    bool is_empty() const { return bytes.empty(); }
};

// Memory that is used again and again: a stage takes a buffer, fills it and gives it on as a Block; when the last
// holder lets go of it, it comes back. How many are in use is bounded by the queues between the stages.
class BufferPool {
  public:
    // Direct I/O takes buffers of this alignment everywhere.
    static constexpr std::size_t kAlignment = 4096;

    // `buffer_bytes` is a multiple of kAlignment.
    explicit BufferPool(std::size_t buffer_bytes);

    struct Buffer {
        std::shared_ptr<void> owner;
        std::span<std::byte> bytes;
        Block first(std::size_t count) const { return {owner, bytes.first(count)}; }
    };
    Buffer take();

  private:
    struct Shelf;
    std::size_t buffer_bytes_;
    std::shared_ptr<Shelf> shelf_;  // outlives the pool as long as a buffer is in use
};

}  // namespace polygon::backup
