// backup_manifest: what a base backup has to hold (PostgreSQL src/common/parse_manifest.c).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/checksum.h"
#include "common/base/result.h"

namespace polygon::backup {

struct ManifestFile {
    std::string path;  // relative to the data directory; of a tablespace: pg_tblspc/<oid>/...
    std::uint64_t size_bytes = 0;
    ChecksumAlgorithm algorithm = ChecksumAlgorithm::none;
    std::string checksum_hex;  // lower case
};

// WAL that recovery needs to make the backup consistent: from start_lsn up to, not including, end_lsn. Where end_lsn is
// empty nobody knows how far; recovery does.
struct WalRange {
    std::uint32_t timeline = 0;
    std::string start_lsn;  // "0/2000028"
    std::string end_lsn;
};

struct Manifest {
    int version = 0;
    std::optional<std::uint64_t> system_identifier;  // version 2 (PostgreSQL 17) on
    std::vector<ManifestFile> files;
    std::vector<WalRange> wal_ranges;
    std::string last_modified;  // backup_label's, "2026-11-20 03:00:00 GMT": orders backups by age

    std::uint64_t total_bytes() const;
    // Where the last of the WAL ranges ends: there is one for each timeline, in no order that matters. Empty without
    // one.
    std::string end_lsn() const;
    // nullptr if it names no such file. Linear: for a few look-ups, not one a member.
    const ManifestFile* find(std::string_view path) const;
};

// Checks the manifest's own SHA-256, then reads it. Versions 1 and 2. Errors: backup_corrupt.
Result<Manifest> parse_manifest(std::string_view text);

}  // namespace polygon::backup
