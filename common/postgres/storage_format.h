// Whether PostgreSQL's programs can work on a data directory: its control file against what they are built with.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/binaries.h"
#include "common/postgres/control_file.h"

namespace polygon::postgres {

// What the programs are built with, asked of pg_resetwal, which refuses to run as root. It changes nothing; a directory
// below `scratch` is made for it and removed. Errc::process_failed if it does not say.
Result<StorageFormat> read_storage_format(const Binaries& binaries, const std::filesystem::path& scratch, Clock& clock);

// One phrase for each difference: "block size 16384 and not 8192".
std::vector<std::string> find_differences(const StorageFormat& data, const StorageFormat& programs);

// Errc::version_mismatch naming all differences, or a control file of an unknown version; data_directory_invalid if the
// control file's CRC does not check.
Status require_same_format(const Binaries& binaries, const std::filesystem::path& data_directory, Clock& clock);

}  // namespace polygon::postgres
