// What the sources that decompress have in common: compressed blocks go in, full buffers come out.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string_view>

#include "common/backup/input/byte_source.h"

namespace polygon::backup {

class Decompressor : public ByteSource {
  public:
    Result<Block> read() final;

  protected:
    // `name` is for messages.
    Decompressor(std::unique_ptr<ByteSource> compressed, fs::Path name);

    // Bytes written to the begin of `room`, which is not empty; 0 only at the end of the stream.
    virtual Result<std::size_t> decompress(std::span<std::byte> room) = 0;

    // Makes sure that input() has something; false at the end of the compressed stream.
    Result<bool> has_input();
    std::span<const std::byte> input() const { return input_; }
    void consume(std::size_t count) { input_ = input_.subspan(count); }
    // "archive '/b/base.tar.gz' is damaged: <reason>".
    Error damaged(std::string_view reason) const;

  private:
    std::unique_ptr<ByteSource> compressed_;
    fs::Path name_;
    BufferPool pool_;
    Block block_;  // holds input_
    std::span<const std::byte> input_;
};

}  // namespace polygon::backup
