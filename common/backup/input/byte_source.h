// Bytes in order, from a file or out of a compressed stream.
#pragma once

#include <memory>

#include "common/backup/block.h"
#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::backup {

class ByteSource {
  public:
    virtual ~ByteSource() = default;
    // The next bytes; empty at the end, and then again and again. Errors: io; backup_corrupt for a damaged stream.
    virtual Result<Block> read() = 0;
};

// Whether reading goes through the page cache. A large archive is read once: past the cache it costs less and pushes
// nothing out of it (common/DECISIONS.md has the figures).
enum class Caching { use, bypass };

class FileSource : public ByteSource {
  public:
    // Bypassing falls back to the cache where the file system refuses it. Errors: io.
    static Result<std::unique_ptr<ByteSource>> open(const fs::Path& path, Caching caching);
    Result<Block> read() override;

  private:
    FileSource(fs::Fd fd, fs::Path path, Caching caching);
    void stop_bypassing();

    fs::Fd fd_;
    fs::Path path_;
    Caching caching_;
    BufferPool pool_;
};

// Reads another source in a thread of its own, a little ahead of who reads this.
std::unique_ptr<ByteSource> read_ahead(std::unique_ptr<ByteSource> source);

// The uncompressed bytes of an archive, by its name's ending: .tar as it is, .gz, .zst and .lz4 decompressed. The file
// is read ahead. Errors: io; unsupported for another ending.
Result<std::unique_ptr<ByteSource>> open_archive_bytes(const fs::Path& archive);

}  // namespace polygon::backup
