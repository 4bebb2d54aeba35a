#include "common/backup/input/lz4_source.h"

#include <fmt/format.h>
#include <lz4frame.h>

namespace polygon::backup {

void Lz4Source::FreeContext::operator()(LZ4F_dctx_s* context) const {
    LZ4F_freeDecompressionContext(context);
}

Lz4Source::Lz4Source(std::unique_ptr<ByteSource> compressed, fs::Path name)
    : Decompressor(std::move(compressed), std::move(name)) {
    LZ4F_dctx* context = nullptr;
    LZ4F_createDecompressionContext(&context, LZ4F_VERSION);  // fails only without memory
    context_.reset(context);
}

Result<std::size_t> Lz4Source::decompress(std::span<std::byte> room) {
    while (true) {
        const bool is_more = TRY(has_input());
        if (!is_more && !is_in_frame_) {
            if (!has_frames_) return damaged("it is empty");
            return std::size_t{0};
        }
        std::size_t consumed = input().size();
        std::size_t produced = room.size();
        const std::size_t code =
            LZ4F_decompress(context_.get(), room.data(), &produced, input().data(), &consumed, nullptr);
        if (LZ4F_isError(code) != 0) {
            return damaged(fmt::format("its lz4 data cannot be decompressed: {}", LZ4F_getErrorName(code)));
        }
        consume(consumed);
        is_in_frame_ = code != 0;  // 0: a frame has ended, and all of it was given out
        has_frames_ = true;
        if (produced > 0) return produced;
        if (consumed == 0 && is_in_frame_) {
            return damaged(is_more ? "its lz4 data cannot be decompressed" : "its lz4 data ends early");
        }
    }
}

}  // namespace polygon::backup
