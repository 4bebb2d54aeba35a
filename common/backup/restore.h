// A base backup into a verified data directory, in one pass.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/location.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/fs/file.h"

namespace polygon::backup {

using TablespaceMapping = std::map<std::string /* production's path */, fs::Path /* here */>;

// Where recovery will find the WAL that makes the backup consistent.
enum class Wal { in_backup, elsewhere };

// Of the files that the manifest names; WAL is not among them. Without a manifest the totals are 0: not known.
struct Progress {
    std::uint64_t bytes_done = 0;
    std::uint64_t bytes_total = 0;
    std::uint64_t files_done = 0;
    std::uint64_t files_total = 0;
};

// Its path in the data directory, and its content. An error ends what was under way.
using LeftOutFile = std::function<Status(const std::string& path, const std::optional<std::string>& content)>;

struct RestoreRequest {
    const Backup& backup;
    // Absent, or empty but for entries that may_be_there() names, as are the tablespaces' places. Its parent exists.
    fs::Path data_directory;
    TablespaceMapping tablespaces;
    std::string tablespace_suffix;  // appended to each mapped target while it is staged: ".staged"
    std::function<bool(std::string_view name)> may_be_there;
    // Paths relative to the data directory ("pg_hba.conf", "pg_replslot/a/state") that are verified but not written.
    std::function<bool(std::string_view path)> is_left_out;
    // Each of these with its content, once that is known to be the manifest's (which does not cover
    // postgresql.auto.conf); without it where it has more than 1 MiB. Never by two threads at once.
    LeftOutFile on_left_out;
    Wal wal = Wal::in_backup;
    // Called once with the directory of the WAL when all of it is there and complete; the rest may still be coming. Its
    // error is the restore's.
    std::function<Status(const fs::Path& wal_directory)> check_wal;
    std::function<void(const Progress&)> on_progress;  // often: at least once a megabyte; never by two threads at once
    // Each difference from the manifest as it is found; the error that follows names only the first few.
    std::function<void(const std::string& problem)> on_problem;
};

struct Tablespace {
    std::uint32_t oid = 0;
    std::string production_path;
    fs::Path path;  // with the suffix
};

struct Restored {
    std::uint64_t bytes = 0;  // written
    std::uint64_t files = 0;
    std::vector<Tablespace> tablespaces;
    std::chrono::milliseconds elapsed{0};
};

// Directories become 0700, files 0600. Every file of the manifest is checked for size and checksum while it is written;
// all differences are collected. global/pg_control comes last, when everything else is on disk: what an aborted or
// failed restore leaves behind cannot be started. It is left there; the caller removes data directory and tablespaces.
// Errors: backup_corrupt, backup_incomplete (WAL or a tablespace archive missing), unsupported (compression),
// configuration (a tablespace without a place), data_directory_occupied (also of a tablespace's place), io.
Result<Restored> restore(const RestoreRequest& request, Clock& clock);

// The checksum of a plain backup's file that has been read before, by the manifest's algorithm; nothing if it has not.
// By any thread.
using KnownChecksum = std::function<std::optional<std::string>(const fs::Path& file, ChecksumAlgorithm algorithm)>;

struct CheckRequest {
    const Backup& backup;
    Wal wal = Wal::in_backup;
    std::function<void(const Progress&)> on_progress;
    std::function<void(const std::string& problem)> on_problem;
    KnownChecksum known_checksum;  // spares reading such files once more
};

// Reads everything and verifies it as restore() does, and writes nothing. Tablespaces need no place.
// Errors: as restore()'s of the backup; io. In the result, bytes and files count what was read.
Result<Restored> check(const CheckRequest& request, Clock& clock);

}  // namespace polygon::backup
