// Where a backup's tablespaces were on production, and where they go here.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/output/target.h"
#include "common/backup/restore.h"

namespace polygon::backup {

// The lines "<oid> <path>" of tablespace_map. Errors: backup_corrupt.
Result<std::map<std::uint32_t, std::string>> parse_tablespace_map(std::string_view text);

// "16384" of "pg_tblspc/16384"; nothing for another path.
std::optional<std::uint32_t> tablespace_of_link(std::string_view path);

// Errc::backup_incomplete if the backup has no archive of this tablespace, which its tablespace_map or a link names.
Status require_archive(const Backup& backup, std::uint32_t oid, const std::string& production_path);

// Chosen before anything is written to them. Several threads may use one.
class Tablespaces {
  public:
    // The request must outlive this.
    explicit Tablespaces(const RestoreRequest& request) : request_(request) {}

    // What tablespace_map says of it.
    void note_mapped(std::uint32_t oid);
    // Makes the place of one tablespace. A repeat for the same oid is ignored: the first word, tablespace_map's,
    // counts. Errors: configuration (no place, or not a usable one); data_directory_occupied; io.
    Status place(std::uint32_t oid, const std::string& production_path);
    // What the base archive holds at "pg_tblspc/<oid>": a link, or the directory of an in-place tablespace, whose files
    // PostgreSQL 16 on sends in an archive of its own (basebackup.c).
    void note_link(std::uint32_t oid, const std::string& production_path);
    void note_directory(std::uint32_t oid);

    // When all of the base archive has been seen: each link has an archive, and each archive is named by
    // tablespace_map, a link or a directory. Errors: backup_incomplete; backup_corrupt.
    Status check_archives() const;
    // The tablespaces of the links that were noted. Errors: as place().
    Status place_links();
    // From now on find() is final: wakes who waits in wait_until_settled(). A repeat is harmless.
    void settle();
    void wait_until_settled();

    // Nothing for a tablespace that was not placed: an in-place one, whose files are in the data directory.
    std::optional<fs::Path> find(std::uint32_t oid) const;
    std::vector<Tablespace> placed() const;
    // pg_tblspc/<oid> of every placed one.
    Status link_from(Target& data_directory) const;
    // The file systems of all placed ones.
    Status flush() const;

  private:
    Result<fs::Path> choose(const std::string& production_path) const;

    const RestoreRequest& request_;
    mutable std::mutex mutex_;
    std::condition_variable is_settled_changed_;
    bool is_settled_ = false;
    std::map<std::uint32_t, Tablespace> placed_;
    std::map<std::uint32_t, std::unique_ptr<Target>> targets_;  // held from the first moment, for flush()
    std::map<std::uint32_t, std::string> links_;
    std::set<std::uint32_t> named_;  // by tablespace_map, a link or a directory
};

// How many entries a directory has, those that `is_ignored` names (if given) not counted; 0 if it is not there.
Result<std::size_t> count_entries(const fs::Path& directory, const std::function<bool(std::string_view)>& is_ignored);

}  // namespace polygon::backup
