#include "common/backup/input/decompressor.h"

#include "common/backup/damage.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kBufferBytes = 1U << 20;

}  // namespace

Decompressor::Decompressor(std::unique_ptr<ByteSource> compressed, fs::Path name)
    : compressed_(std::move(compressed)), name_(std::move(name)), pool_(kBufferBytes) {}

Result<Block> Decompressor::read() {
    const BufferPool::Buffer buffer = pool_.take();
    std::size_t filled = 0;
    while (filled < buffer.bytes.size()) {
        const std::size_t count = TRY(decompress(buffer.bytes.subspan(filled)));
        if (count == 0) break;
        filled += count;
    }
    return buffer.first(filled);
}

Result<bool> Decompressor::has_input() {
    if (!input_.empty()) return true;
    block_ = TRY(compressed_->read());
    input_ = block_.bytes;
    return !input_.empty();
}

Error Decompressor::damaged(std::string_view reason) const {
    return damaged_archive(name_, reason);
}

}  // namespace polygon::backup
