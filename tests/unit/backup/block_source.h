// A source that gives its bytes in blocks of one size, so that every header and trailer is cut somewhere.
#pragma once

#include <algorithm>
#include <memory>
#include <string>

#include "common/backup/input/byte_source.h"

namespace polygon::backup::test {

class BlockSource : public ByteSource {
  public:
    BlockSource(std::string bytes, std::size_t block)
        : bytes_(std::make_shared<std::string>(std::move(bytes))), block_(block) {}
    Result<Block> read() override {
        const auto rest = std::as_bytes(std::span(*bytes_)).subspan(at_);
        const auto given = rest.first(std::min(block_, rest.size()));
        at_ += given.size();
        return Block{bytes_, given};
    }

  private:
    std::shared_ptr<std::string> bytes_;
    std::size_t block_;
    std::size_t at_ = 0;
};

// All that a source gives.
inline Result<std::string> drain(ByteSource& source) {
    std::string bytes;
    while (true) {
        const Block got = TRY(source.read());
        if (got.is_empty()) return bytes;
        bytes.append(reinterpret_cast<const char*>(got.bytes.data()), got.bytes.size());
    }
}

// Text that does not compress to nothing, without a generator of randomness.
inline std::string noise(std::size_t length) {
    std::string result(length, ' ');
    std::uint32_t state = 1;
    for (char& c : result) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24);
    }
    return result;
}

}  // namespace polygon::backup::test
