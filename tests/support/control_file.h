// A control file of PostgreSQL 13 to 16 with a right checksum, of a primary that was shut down.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>

#include <isa-l/crc.h>

namespace polygon::support {

inline std::string make_control_file(std::uint64_t identifier) {
    constexpr std::size_t crc_at = 288;
    std::string bytes(8192, '\0');
    const std::uint32_t version = 1300;
    const std::uint32_t state = 1;
    const std::uint32_t block_bytes = 8192;
    const double float_format = 1234567.0;
    std::memcpy(bytes.data(), &identifier, 8);
    std::memcpy(bytes.data() + 8, &version, 4);
    std::memcpy(bytes.data() + 16, &state, 4);
    std::memcpy(bytes.data() + 208, &float_format, 8);
    std::memcpy(bytes.data() + 216, &block_bytes, 4);
    const std::uint32_t crc =
        ~crc32_iscsi(reinterpret_cast<unsigned char*>(bytes.data()), static_cast<int>(crc_at), ~0U);
    std::memcpy(bytes.data() + crc_at, &crc, 4);
    return bytes;
}

}  // namespace polygon::support
