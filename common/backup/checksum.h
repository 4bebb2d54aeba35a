// The checksums a backup manifest may use (PostgreSQL src/common/checksum_helper.c).
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>

struct evp_md_ctx_st;

namespace polygon::backup {

enum class ChecksumAlgorithm { none, crc32c, sha224, sha256, sha384, sha512 };

// The manifest's names, in any case ("NONE", "CRC32C", "SHA256"); nothing for another.
std::optional<ChecksumAlgorithm> parse_checksum_algorithm(std::string_view name);
std::string_view name_of(ChecksumAlgorithm algorithm);
// Hexadecimal digits of a checksum; 0 for none.
std::size_t hex_length(ChecksumAlgorithm algorithm);

class Checksum {
  public:
    explicit Checksum(ChecksumAlgorithm algorithm);
    Checksum(Checksum&&) noexcept = default;
    Checksum& operator=(Checksum&&) noexcept = default;
    ~Checksum() = default;

    void update(std::span<const std::byte> bytes);
    // Lower-case hexadecimal, as the manifest writes it; empty for none. Once only.
    std::string finish();

  private:
    struct FreeContext {
        void operator()(evp_md_ctx_st* context) const;
    };
    ChecksumAlgorithm algorithm_;
    std::uint32_t crc_ = 0xffffffffU;
    std::unique_ptr<evp_md_ctx_st, FreeContext> sha_;
};

std::string checksum_of(ChecksumAlgorithm algorithm, std::string_view bytes);

}  // namespace polygon::backup
