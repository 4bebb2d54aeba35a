#include "common/backup/input/lz4_source.h"
#include "common/backup/input/zstd_source.h"
#include "tests/fuzz/decompressed.h"

namespace polygon::backup::fuzz {

Verdict feed_lz4(std::string_view bytes) {
    return decompress(bytes, open_decompressor<Lz4Source>).verdict;
}

// libzstd decodes a frame at once that lies in its input as a whole, and is stricter then: in a stream it does not
// compare the size that a frame announces when the last block is empty (zstd_decompress.c, ZSTD_decompressContinue).
Verdict feed_zstd(std::string_view bytes) {
    return decompress(bytes, open_decompressor<ZstdSource>, MayDiffer::verdict).verdict;
}

}  // namespace polygon::backup::fuzz
