// Whether WAL can be read, record by record: a backup's manifest has no checksums of it, its records have their own.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/binaries.h"

namespace polygon::postgres {

// From start_lsn up to, not including, end_lsn.
struct WalRange {
    std::uint32_t timeline = 0;
    std::string start_lsn;  // "0/2000028"
    std::string end_lsn;
};

// Runs pg_waldump over each range, as pg_verifybackup does (PostgreSQL src/bin/pg_verifybackup/pg_verifybackup.c,
// parse_required_wal). Writes and logs nothing, and may be called from any thread. Errors: backup_corrupt with
// pg_waldump's last line, for WAL that is missing too; process_failed if it cannot be run or was killed.
Status check_wal_records(const Binaries& binaries, const std::filesystem::path& wal_directory,
                         const std::vector<WalRange>& ranges, Clock& clock);

}  // namespace polygon::postgres
