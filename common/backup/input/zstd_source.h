// Decompresses Zstandard by libzstd.
#pragma once

#include "common/backup/input/decompressor.h"

struct ZSTD_DCtx_s;

namespace polygon::backup {

// All frames, one after the other, skippable ones passed over; windows of any size (`long`), so that memory grows with
// what the archive was compressed with: 8 MiB at level 19, 128 MiB with `long`. A frame's checksum is verified if it
// has one. Errors: backup_corrupt, and the compressed source's.
class ZstdSource : public Decompressor {
  public:
    ZstdSource(std::unique_ptr<ByteSource> compressed, fs::Path name);

  private:
    struct FreeContext {
        void operator()(ZSTD_DCtx_s* context) const;
    };

    Result<std::size_t> decompress(std::span<std::byte> room) override;

    std::unique_ptr<ZSTD_DCtx_s, FreeContext> context_;
    bool has_frames_ = false;
    bool is_in_frame_ = false;
};

}  // namespace polygon::backup
