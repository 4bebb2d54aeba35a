#include "common/backup/block.h"

#include <mutex>
#include <new>
#include <utility>
#include <vector>

namespace polygon::backup {
namespace {

struct FreeAligned {
    void operator()(std::byte* memory) const { ::operator delete[](memory, std::align_val_t(BufferPool::kAlignment)); }
};
using Memory = std::unique_ptr<std::byte[], FreeAligned>;

}  // namespace

struct BufferPool::Shelf {
    std::mutex mutex;
    std::vector<Memory> unused;

    Memory take() {
        const std::lock_guard lock(mutex);
        if (unused.empty()) return {};
        Memory memory = std::move(unused.back());
        unused.pop_back();
        return memory;
    }
    void put_back(Memory memory) {
        const std::lock_guard lock(mutex);
        unused.push_back(std::move(memory));
    }
};

BufferPool::BufferPool(std::size_t buffer_bytes) : buffer_bytes_(buffer_bytes), shelf_(std::make_shared<Shelf>()) {}

BufferPool::Buffer BufferPool::take() {
    Memory memory = shelf_->take();
    if (!memory) memory.reset(new (std::align_val_t(kAlignment)) std::byte[buffer_bytes_]);
    const std::span<std::byte> bytes(memory.get(), buffer_bytes_);
    std::shared_ptr<void> owner(memory.release(), [shelf = shelf_](void* returned) {
        shelf->put_back(Memory(static_cast<std::byte*>(returned)));
    });
    return {std::move(owner), bytes};
}

}  // namespace polygon::backup
