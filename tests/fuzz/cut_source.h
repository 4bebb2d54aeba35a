// Bytes in memory, cut into blocks in several ways: what comes of them must not depend on it.
#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "common/backup/input/byte_source.h"

namespace polygon::backup::fuzz {

enum class Cut { none, small, varying };
inline constexpr std::array kCuts = {Cut::none, Cut::small, Cut::varying};

// Each block is an allocation of its own and of its exact size, so that a sanitizer sees a read past its end and a read
// after the last holder let go of it.
class CutSource : public ByteSource {
  public:
    // `bytes` must outlive this. They choose the sizes of varying blocks, so that a run can be repeated.
    CutSource(std::string_view bytes, Cut cut);
    Result<Block> read() override;

  private:
    std::size_t next_size();

    std::string_view rest_;
    Cut cut_;
    std::size_t small_size_;
    std::uint32_t state_;
};

}  // namespace polygon::backup::fuzz
