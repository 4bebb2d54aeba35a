#include "common/backup/input/zstd_source.h"

#include <fmt/format.h>
#include <zstd.h>

namespace polygon::backup {

void ZstdSource::FreeContext::operator()(ZSTD_DCtx_s* context) const {
    ZSTD_freeDCtx(context);
}

ZstdSource::ZstdSource(std::unique_ptr<ByteSource> compressed, fs::Path name)
    : Decompressor(std::move(compressed), std::move(name)), context_(ZSTD_createDCtx()) {
    const ZSTD_bounds bounds = ZSTD_dParam_getBounds(ZSTD_d_windowLogMax);
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, bounds.upperBound);
}

// libzstd may hold back output without needing input: it is asked until it gives nothing more for nothing.
Result<std::size_t> ZstdSource::decompress(std::span<std::byte> room) {
    while (true) {
        const bool is_more = TRY(has_input());
        if (!is_more && !is_in_frame_) {
            if (!has_frames_) return damaged("it is empty");
            return std::size_t{0};
        }
        ZSTD_inBuffer in{.src = input().data(), .size = input().size(), .pos = 0};
        ZSTD_outBuffer out{.dst = room.data(), .size = room.size(), .pos = 0};
        const std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_isError(code) != 0) {
            return damaged(fmt::format("its zstd data cannot be decompressed: {}", ZSTD_getErrorName(code)));
        }
        consume(in.pos);
        is_in_frame_ = code != 0;  // 0: a frame has ended, and all of it was given out
        has_frames_ = true;
        if (out.pos > 0) return out.pos;
        if (!is_more && is_in_frame_) return damaged("its zstd data ends early");
    }
}

}  // namespace polygon::backup
