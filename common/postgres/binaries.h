// PostgreSQL's own programs, and their version.
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::postgres {

struct Binaries {
    std::filesystem::path directory;  // empty: PATH
    int major_version = 0;            // 15

    std::string program(const std::string& name) const {
        return directory.empty() ? name : (directory / name).string();
    }
};

// Ours without the caller's PG* variables, which would steer a server or a session, in locale C and in UTC.
process::Environment clean_environment();

// `directory` as Patroni's postgresql.bin_dir says; empty: PATH, else Debian's /usr/lib/postgresql/<wanted_major>/bin.
// Errc::process_failed if `postgres --version` cannot be run there.
Result<Binaries> find_binaries(const std::filesystem::path& directory, int wanted_major, Clock& clock);

// The programs of exactly this major version that read WAL (pg_waldump), for a check that can be left out. None if
// there are none in Debian's directory of that version nor in PATH. With a `directory` they have to be there:
// Errc::process_failed, or Errc::version_mismatch for those of another version.
Result<std::optional<Binaries>> find_wal_reader(const std::filesystem::path& directory, int major, Clock& clock);

// Those of exactly this major version that combine incremental backups (pg_combinebackup), looked for in the same
// places. Errors: process_failed if there are none; version_mismatch as above.
Result<Binaries> find_combiner(const std::filesystem::path& directory, int major, Clock& clock);

// Where the server looks for libraries ($libdir), an absolute path; none if it is not found. Neither the server nor its
// catalogs say so before it runs, and pg_config is no part of it.
std::optional<std::filesystem::path> find_library_directory(const Binaries& binaries);

}  // namespace polygon::postgres
