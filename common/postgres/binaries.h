// PostgreSQL's own programs, and their version.
#pragma once

#include <filesystem>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::postgres {

struct Binaries {
    std::filesystem::path directory;  // empty: PATH
    int major_version = 0;            // 15

    std::string program(const std::string& name) const {
        return directory.empty() ? name : (directory / name).string();
    }
};

// `directory` as Patroni's postgresql.bin_dir says; empty: PATH, else Debian's /usr/lib/postgresql/<wanted_major>/bin.
// Errc::process_failed if `postgres --version` cannot be run there.
Result<Binaries> find_binaries(const std::filesystem::path& directory, int wanted_major, Clock& clock);

}  // namespace polygon::postgres
