#include "common/postgres/control_file.h"

#include <cstring>
#include <optional>

#include <fmt/format.h>
#include <isa-l/crc.h>
#include <sys/time.h>
#include <unistd.h>

#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

// Offsets in ControlFileData. The checkpoint's copy starts at 40 with its redo LSN; its timeline follows.
constexpr std::size_t kControlVersionOffset = 8;
constexpr std::size_t kCatalogVersionOffset = 12;
constexpr std::size_t kStateOffset = 16;
constexpr std::size_t kTimelineOffset = 48;
// The same in all versions known here: what 17 and 18 have more of stands in a gap before, or after these.
constexpr std::size_t kAlignmentOffset = 204;
constexpr std::size_t kBlockOffset = 216;  // after floatFormat, a double
constexpr std::size_t kSegmentOffset = 220;
constexpr std::size_t kWalBlockOffset = 224;  // the size of WAL segments, which initdb chooses, comes between
constexpr std::size_t kIdentifierOffset = 232;
constexpr std::size_t kIndexColumnsOffset = 236;
constexpr std::size_t kToastChunkOffset = 240;
constexpr std::size_t kLargeObjectChunkOffset = 244;
constexpr std::size_t kFloat8ByValueOffset = 248;
constexpr std::size_t kLargestFileBytes = 8192;

std::filesystem::path path_of(const std::filesystem::path& data_directory) {
    return data_directory / "global" / "pg_control";
}

template <class T>
T load(const std::string& bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// Where the CRC stands; 18 has one more field (default_char_signedness) before it.
std::optional<std::size_t> crc_offset(std::uint32_t control_version) {
    switch (control_version) {
        case 1300:
        case 1700:
            return 288;
        case 1800:
            return 292;
        default:
            return std::nullopt;
    }
}

// CRC-32C as PostgreSQL means it: seed ~0, inverted at the end.
std::uint32_t compute_crc(const std::string& bytes, std::size_t length) {
    std::string copy = bytes.substr(0, length);  // ISA-L takes a pointer to non-const
    return ~crc32_iscsi(reinterpret_cast<unsigned char*>(copy.data()), static_cast<int>(length), ~0U);
}

Error invalid(const std::filesystem::path& path, std::string_view what) {
    return {Errc::data_directory_invalid, fmt::format("control file '{}' {}", path.string(), what),
            "Restore the data directory from a backup."};
}

// The bytes, once they are known to be whole.
Result<std::string> read_checked(const std::filesystem::path& data_directory) {
    const std::filesystem::path path = path_of(data_directory);
    const auto bytes = TRY(fs::read_file_if_there(path));
    if (!bytes)
        return Error{Errc::data_directory_invalid, fmt::format("there is no control file '{}'", path.string()),
                     "Is this a data directory of PostgreSQL?"};
    if (bytes->size() < 296 || bytes->size() > kLargestFileBytes) {
        return invalid(path, fmt::format("has {} bytes", bytes->size()));
    }
    const auto version = load<std::uint32_t>(*bytes, kControlVersionOffset);
    const std::optional<std::size_t> crc = crc_offset(version);
    if (!crc) {
        return Error{Errc::version_mismatch, fmt::format("control file '{}' has version {}", path.string(), version),
                     "PostgreSQL 13 to 18 are known here (control versions 1300, 1700 and 1800)."};
    }
    if (load<std::uint32_t>(*bytes, *crc) != compute_crc(*bytes, *crc)) return invalid(path, "does not match its CRC");
    return *bytes;
}

StorageFormat load_format(const std::string& bytes) {
    const auto number = [&](std::size_t offset) { return load<std::uint32_t>(bytes, offset); };
    return {.control_version = number(kControlVersionOffset),
            .catalog_version = number(kCatalogVersionOffset),
            .alignment_bytes = number(kAlignmentOffset),
            .block_bytes = number(kBlockOffset),
            .blocks_per_segment = number(kSegmentOffset),
            .wal_block_bytes = number(kWalBlockOffset),
            .identifier_bytes = number(kIdentifierOffset),
            .index_columns = number(kIndexColumnsOffset),
            .toast_chunk_bytes = number(kToastChunkOffset),
            .large_object_chunk_bytes = number(kLargeObjectChunkOffset),
            .float8_by_value = load<std::uint8_t>(bytes, kFloat8ByValueOffset)};  // a bool
}

}  // namespace

Result<ControlFile> read_control_file(const std::filesystem::path& data_directory) {
    const std::string bytes = TRY(read_checked(data_directory));
    return ControlFile{.system_identifier = load<std::uint64_t>(bytes, 0),
                       .format = load_format(bytes),
                       .state = static_cast<ClusterState>(load<std::uint32_t>(bytes, kStateOffset)),
                       .timeline = load<std::uint32_t>(bytes, kTimelineOffset)};
}

Status replace_system_identifier(const std::filesystem::path& data_directory, std::uint64_t system_identifier) {
    std::string bytes = TRY(read_checked(data_directory));
    const std::size_t crc_at = *crc_offset(load<std::uint32_t>(bytes, kControlVersionOffset));
    std::memcpy(bytes.data(), &system_identifier, sizeof system_identifier);
    const std::uint32_t crc = compute_crc(bytes, crc_at);
    std::memcpy(bytes.data() + crc_at, &crc, sizeof crc);
    return fs::write_file_durably(path_of(data_directory), bytes);
}

std::uint64_t make_system_identifier() {
    timeval now = {};
    gettimeofday(&now, nullptr);
    return (static_cast<std::uint64_t>(now.tv_sec) << 32) | (static_cast<std::uint64_t>(now.tv_usec) << 12) |
           (static_cast<std::uint64_t>(getpid()) & 0xFFF);
}

}  // namespace polygon::postgres
