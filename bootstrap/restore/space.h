// The room that a backup needs here, against what there is.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/backup/location.h"
#include "common/backup/restore.h"
#include "common/base/result.h"
#include "common/fs/file.h"
#include "common/sanitize/policy.h"

namespace polygon::bootstrap {

// One tablespace of the backup that is outside the data directory.
struct PlacedTablespace {
    std::uint32_t oid = 0;
    std::string production_path;
    std::optional<fs::Path> here;  // none: nobody has named a place for it
};

// By oid. Out of tablespace_map, which is among the first members of a base archive; else out of a plain backup's
// links. Errors: those of the reader; backup_incomplete.
Result<std::vector<PlacedTablespace>> find_tablespaces(const backup::Backup& backup,
                                                       const backup::TablespaceMapping& mapping);

// WAL is not in the manifest, and how large compressed WAL becomes is not written down.
struct WalSize {
    std::uint64_t bytes = 0;
    bool is_estimated = false;  // by the manifest's range, in segments of 16 MiB
};

// What is to be written of it.
Result<WalSize> measure_wal(const backup::Backup& backup, backup::Wal wal);

// Errc::configuration, naming the first one without a place, or the first two with the same.
Status require_places(const std::vector<PlacedTablespace>& tablespaces, const std::string& backup_label);

struct Need {
    std::string what;  // "data directory", "tablespace 16384"
    fs::Path path;     // where it is written
    std::uint64_t bytes = 0;
    bool is_estimated = false;  // of a combined backup: at most so much
};

// All that goes to one file system.
struct FileSystemNeed {
    std::vector<Need> needs;
    std::uint64_t needed_bytes = 0;
    std::uint64_t free_bytes = 0;  // what an earlier, unfinished restore left at the same paths counts as free
    // Of a rebuild: what it removes before it writes.
    std::uint64_t reclaimable_bytes = 0;

    std::uint64_t room_bytes() const { return free_bytes + reclaimable_bytes; }
    bool is_enough() const { return needed_bytes <= room_bytes(); }
    bool is_estimated() const;
};

// largest_table: one table at a time is rewritten in the quarantine, and is there twice for that time.
enum class Rewriting { none, largest_table };

// Tablespaces without a place are left out. Of an incremental backup: the combined one, and the backups in tar format
// that are unpacked for that. What the largest table takes is estimated at twice its own size: which indexes and TOAST
// table are its, the manifest does not say. Errors: io.
Result<std::vector<FileSystemNeed>> measure_space(const backup::Backup& backup, const WalSize& wal,
                                                  const fs::Path& data_directory,
                                                  const std::vector<PlacedTablespace>& tablespaces,
                                                  const std::string& tablespace_suffix,
                                                  Rewriting rewriting = Rewriting::none);

Rewriting rewriting_of(const sanitize::Policy& policy);

// Errc::no_space, naming the first file system that is too small.
Status require_space(const std::vector<FileSystemNeed>& file_systems);

// All of the above, for a restore that is about to begin.
Status require_space_for(const backup::RestoreRequest& request, Rewriting rewriting = Rewriting::none);

}  // namespace polygon::bootstrap
