#include "bootstrap/restore/sources/wal_records.h"

#include <vector>

#include "common/backup/facts.h"
#include "common/base/log.h"
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

Result<std::optional<postgres::Binaries>> find_wal_reader_for(const backup::Backup& backup, backup::Wal wal,
                                                              const std::string& bin_dir, Clock& clock) {
    if (wal == backup::Wal::elsewhere) return std::optional<postgres::Binaries>();
    const int major = TRY(backup::read_major_version(backup));
    auto reader = TRY(postgres::find_wal_reader(bin_dir, major, clock));
    if (!reader)
        log_warning("no pg_waldump of the backup's version here, WAL records are not read", {{"version", major}});
    return reader;
}

}  // namespace polygon::bootstrap
