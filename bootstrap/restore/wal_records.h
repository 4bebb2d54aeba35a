// What backup::restore() is given as check_wal: the manifest's WAL ranges, read record by record. A range without end
// is left to recovery, which alone knows what it needs.
#pragma once

#include <functional>

#include "common/backup/manifest.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/postgres/binaries.h"

namespace polygon::bootstrap {

// For any thread, while `clock` lives. Errors: postgres::check_wal_records()'s.
std::function<Status(const fs::Path& wal_directory)> check_wal_with(const postgres::Binaries& binaries,
                                                                    const backup::Manifest& manifest, Clock& clock);

}  // namespace polygon::bootstrap
