// Where a backup's tablespaces were on production, and where they go here.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "common/backup/restore.h"
#include "common/backup/output/target.h"

namespace polygon::backup {

// The lines "<oid> <path>" of tablespace_map. Errors: backup_corrupt.
Result<std::map<std::uint32_t, std::string>> parse_tablespace_map(std::string_view text);

// "16384" of "pg_tblspc/16384"; nothing for another path.
std::optional<std::uint32_t> tablespace_of_link(std::string_view path);

// Chosen before anything is written to them.
class Tablespaces {
  public:
    // The request must outlive this.
    explicit Tablespaces(const RestoreRequest& request) : request_(request) {}

    // Opens the place of one tablespace. A repeat for the same oid is ignored: the first word, tablespace_map's,
    // counts. Errors: configuration (no place, or not a usable one); data_directory_occupied; io.
    Status place(std::uint32_t oid, const std::string& production_path);
    // nullptr if it was not placed.
    Target* find(std::uint32_t oid);
    const std::map<std::uint32_t, Tablespace>& placed() const { return placed_; }
    // pg_tblspc/<oid> of every placed one.
    Status link_from(Target& data_directory) const;

  private:
    Result<fs::Path> choose(const std::string& production_path) const;

    const RestoreRequest& request_;
    std::map<std::uint32_t, Tablespace> placed_;
    std::map<std::uint32_t, std::unique_ptr<Target>> targets_;
};

// How many entries a directory has, those that `is_ignored` names (if given) not counted; 0 if it is not there.
Result<std::size_t> count_entries(const fs::Path& directory, const std::function<bool(std::string_view)>& is_ignored);

}  // namespace polygon::backup
