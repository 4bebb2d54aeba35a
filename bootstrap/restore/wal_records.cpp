#include "bootstrap/restore/wal_records.h"

#include <vector>

#include "common/postgres/wal_check.h"

namespace polygon::bootstrap {

std::function<Status(const fs::Path&)> check_wal_with(const postgres::Binaries& binaries,
                                                      const backup::Manifest& manifest, Clock& clock) {
    std::vector<postgres::WalRange> ranges;
    for (const backup::WalRange& range : manifest.wal_ranges) {
        if (!range.end_lsn.empty()) ranges.push_back({range.timeline, range.start_lsn, range.end_lsn});
    }
    return [binaries, ranges, &clock](const fs::Path& wal_directory) {
        return postgres::check_wal_records(binaries, wal_directory, ranges, clock);
    };
}

}  // namespace polygon::bootstrap
