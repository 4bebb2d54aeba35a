// Writes one file from begin to end, at the speed of the device.
#pragma once

#include <cstdint>
#include <span>

#include "common/backup/block.h"
#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::backup {

// Whether somebody will read the file soon: then it stays in the page cache.
enum class Retention { cached, dropped };

// Files of a mebibyte and more are allocated at once and go past the page cache, straight out of the blocks that hold
// them where memory and offset are as the file system wants them, else through a buffer. Where the file system refuses
// that, and for files that stay cached, write-back begins early. Durable only once the file system is flushed.
class FileWriter {
  public:
    // `fd` is of a new file. `announced_bytes`: what probably comes. `pool` outlives this. `name` is for messages.
    FileWriter(fs::Fd fd, fs::Path name, std::uint64_t announced_bytes, Retention retention, BufferPool& pool);

    // Errors: io.
    Status append(std::span<const std::byte> bytes);
    // Once, after the last byte.
    Status finish();

  private:
    Status append_direct(std::span<const std::byte> bytes);
    Status append_cached(std::span<const std::byte> bytes);
    Status stage(std::span<const std::byte> bytes);
    Status flush_stage();
    Status write(std::span<const std::byte> bytes);
    bool is_direct() const { return offset_alignment_ > 0; }
    void begin_direct();
    void stop_direct();
    void begin_write_back();
    Error failure(int reason) const;

    fs::Fd fd_;
    fs::Path name_;
    Retention retention_;
    BufferPool& pool_;
    std::size_t memory_alignment_ = 0;
    std::size_t offset_alignment_ = 0;  // 0: through the page cache
    BufferPool::Buffer stage_;
    std::size_t staged_bytes_ = 0;
    std::uint64_t written_bytes_ = 0;  // padding included
    std::uint64_t size_bytes_ = 0;
    std::uint64_t written_back_bytes_ = 0;
    bool is_allocated_ = false;
};

}  // namespace polygon::backup
