// Decompresses LZ4 frames by liblz4.
#pragma once

#include "common/backup/input/decompressor.h"

struct LZ4F_dctx_s;

namespace polygon::backup {

// All frames, one after the other, skippable ones passed over. Checksums of blocks and of content are verified where
// the frame has them. Errors: backup_corrupt, and the compressed source's.
class Lz4Source : public Decompressor {
  public:
    Lz4Source(std::unique_ptr<ByteSource> compressed, fs::Path name);

  private:
    struct FreeContext {
        void operator()(LZ4F_dctx_s* context) const;
    };

    Result<std::size_t> decompress(std::span<std::byte> room) override;

    std::unique_ptr<LZ4F_dctx_s, FreeContext> context_;
    bool has_frames_ = false;
    bool is_in_frame_ = false;
};

}  // namespace polygon::backup
