// A directory of archived WAL, and what a look at it proves.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>

#include "common/base/result.h"

namespace polygon::support {

struct ArchivedFile {
    std::uintmax_t size_bytes = 0;
    std::filesystem::file_time_type written;
    bool operator==(const ArchivedFile&) const = default;
};

using ArchiveListing = std::map<std::string, ArchivedFile>;

ArchiveListing list_archive(const std::filesystem::path& directory);

// Holds if nothing of `before` has been written again or removed since, and every segment that came belongs to
// `system_identifier` (the first page of a segment has it at byte 24: PostgreSQL access/xlog_internal.h,
// XLogLongPageHeaderData) and to `timeline`: a clone with production's identifier is on another timeline.
Status check_archive(const std::filesystem::path& directory, const ArchiveListing& before,
                     const std::string& system_identifier, int timeline);

}  // namespace polygon::support
