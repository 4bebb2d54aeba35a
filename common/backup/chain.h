// Incremental backups (PostgreSQL 17 on), and which of a folder's backups each of them continues.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/location.h"

namespace polygon::backup {

// An incremental backup's file "INCREMENTAL.<name>" has the changed blocks of <name> only
// (PostgreSQL src/include/backup/basebackup_incremental.h).
inline constexpr std::string_view kIncrementalPrefix = "INCREMENTAL.";

// "base/5/1259" of "base/5/INCREMENTAL.1259"; nothing for any other file.
std::optional<std::string> path_of_incremental(const std::string& path);

// PostgreSQL sends at least the unchanged tables as such files.
bool is_incremental(const Manifest& manifest);

// What backup_label says that an incremental backup continues. Errors: those of read_backup_label(); backup_corrupt if
// it says nothing.
Result<WalPosition> read_continued(const Backup& backup);

// Whether pg_combinebackup can read it where it is: it takes plain backups whose links are tablespaces with absolute
// paths (PostgreSQL src/bin/pg_combinebackup/pg_combinebackup.c).
bool is_combined_in_place(const Backup& backup);

// The files that come of it and of all that it is combined with, and their sizes. How large an incremental file becomes
// is not in the manifest: at most as large as it was and what has changed of it, within a segment of 1 GiB.
std::map<std::string, std::uint64_t> expected_sizes(const Backup& backup);

class Chains {
  public:
    // All that `folder` holds; of their manifests the files are not needed.
    Chains(std::vector<Backup> backups, fs::Path folder);

    const std::vector<Backup>& backups() const { return backups_; }

    // Where those are that `backup` is to be combined with, oldest first; none for a full one. A backup continues the
    // one of the same system that began where its label says. Of several that did, as a standby's may or those that
    // were copied twice: the one that itself needs the fewest, then a plain one, then the first by name.
    // Errors: backup_incomplete if one is not in the folder.
    Result<std::vector<fs::Path>> earlier_of(const Backup& backup) const;

  private:
    const Backup* find_previous(const Backup& backup) const;
    Error missing_link(const Backup& backup, const Backup& last) const;

    fs::Path folder_;
    std::vector<Backup> backups_;      // in the order in which they began
    std::vector<std::size_t> counts_;  // how many backups each one is made of; kBroken if one of them is missing
};

}  // namespace polygon::backup
