#include "tests/fuzz/decompressed.h"

#include "common/backup/checksum.h"
#include "tests/fuzz/cut_source.h"

namespace polygon::backup::fuzz {
namespace {

Decompressed drain(ByteSource& source) {
    Decompressed got;
    Checksum checksum(ChecksumAlgorithm::crc32c);
    while (got.size_bytes < kMostBytesOut) {
        const auto block = source.read();
        if (!block) {
            require_refusal_of_backup(block.error());
            return {};
        }
        if (block->is_empty()) {
            const auto again = source.read();
            require(again && again->is_empty(), "something follows the end");
            break;
        }
        checksum.update(block->bytes);
        got.size_bytes += block->bytes.size();
    }
    got.verdict = Verdict::accepted;
    got.checksum = checksum.finish();
    return got;
}

}  // namespace

Decompressed decompress(std::string_view bytes, const OpenDecompressor& open, MayDiffer may_differ) {
    const Decompressed whole = drain(*open(std::make_unique<CutSource>(bytes, Cut::none)));
    for (const Cut cut : {Cut::small, Cut::varying}) {
        const Decompressed in_blocks = drain(*open(std::make_unique<CutSource>(bytes, cut)));
        if (may_differ == MayDiffer::verdict && in_blocks.verdict != whole.verdict) continue;
        require(in_blocks == whole, "another cut of the stream gives something else");
    }
    return whole;
}

}  // namespace polygon::backup::fuzz
