// Bytes in order, from a file or out of a compressed stream.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <vector>

#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::backup {

class ByteSource {
  public:
    virtual ~ByteSource() = default;
    // The next bytes, valid until the next call; empty at the end. Errors: io; backup_corrupt for a damaged stream.
    virtual Result<std::span<const std::byte>> read() = 0;
};

class FileSource : public ByteSource {
  public:
    static Result<std::unique_ptr<ByteSource>> open(const fs::Path& path);
    Result<std::span<const std::byte>> read() override;

  private:
    FileSource(fs::Fd fd, fs::Path path);
    fs::Fd fd_;
    fs::Path path_;
    std::vector<std::byte> buffer_;
};

// The uncompressed bytes of an archive, by its name's ending: .tar as it is, .gz inflated.
// Errors: io; unsupported for another compression.
Result<std::unique_ptr<ByteSource>> open_archive_bytes(const fs::Path& archive);

}  // namespace polygon::backup
