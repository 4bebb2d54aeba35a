// Which WAL segments recovery needs, and whether they came.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/manifest.h"

namespace polygon::backup {

// "1/2000028" as a byte position.
std::optional<std::uint64_t> parse_lsn(std::string_view text);

// "000000010000000000000003": timeline and number of the segment (PostgreSQL access/xlog_internal.h, XLogFileName).
std::string segment_name(std::uint32_t timeline, std::uint64_t number, std::uint64_t segment_bytes);

class WalSegments {
  public:
    // A file of pg_wal; anything but a segment is passed over.
    void add(std::string_view name, std::uint64_t size_bytes);
    // The first segment of the manifest's ranges that did not come or is shorter than the others; a range without end
    // goes to the last segment that came. A segment in which the timeline changed may have come under the later
    // timeline's name.
    std::optional<std::string> find_missing(const Manifest& manifest) const;

  private:
    std::uint64_t segment_bytes() const;
    std::uint64_t end_of(const WalRange& range) const;
    bool has(const WalRange& range, std::uint64_t number, const Manifest& manifest) const;
    std::map<std::string, std::uint64_t, std::less<>> sizes_;
};

}  // namespace polygon::backup
