// global/pg_control: the few fields that decide what a data directory is, and the change of its system identifier.
// Layout: PostgreSQL src/include/catalog/pg_control.h (ControlFileData); the CRC-32C stands at its end.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/result.h"

namespace polygon::postgres {

enum class ClusterState : std::uint32_t {
    starting_up = 0,
    shut_down = 1,
    shut_down_in_recovery = 2,
    shutting_down = 3,
    in_crash_recovery = 4,
    in_archive_recovery = 5,
    in_production = 6,
};

// What a data directory has from the programs that made it, and any others must have too (PostgreSQL
// src/backend/access/transam/xlog.c, ReadControlFile).
struct StorageFormat {
    std::uint32_t control_version = 0;  // 1300 in PostgreSQL 13 to 16, then 1700 and 1800
    std::uint32_t catalog_version = 0;
    std::uint32_t alignment_bytes = 0;
    std::uint32_t block_bytes = 0;
    std::uint32_t blocks_per_segment = 0;  // of a large relation
    std::uint32_t wal_block_bytes = 0;
    std::uint32_t identifier_bytes = 0;
    std::uint32_t index_columns = 0;
    std::uint32_t toast_chunk_bytes = 0;
    std::uint32_t large_object_chunk_bytes = 0;
    std::uint32_t float8_by_value = 0;  // 1 or 0
};

struct ControlFile {
    std::uint64_t system_identifier = 0;
    StorageFormat format;
    ClusterState state = ClusterState::starting_up;
    std::uint32_t timeline = 0;  // of the latest checkpoint
};

// Errc::data_directory_invalid if it is missing or its CRC does not check, version_mismatch if its version is not known
// here, io if it cannot be read.
Result<ControlFile> read_control_file(const std::filesystem::path& data_directory);

// Writes another system identifier and the CRC over it, durably, the file replaced as a whole. The server must be shut
// down, and `pg_resetwal` must follow: the WAL on disk still carries the old identifier. (What pg_createsubscriber
// does.)
Status replace_system_identifier(const std::filesystem::path& data_directory, std::uint64_t system_identifier);

// As initdb makes one (PostgreSQL BootStrapXLOG): seconds, microseconds and process id.
std::uint64_t make_system_identifier();

}  // namespace polygon::postgres
