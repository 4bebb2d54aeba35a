// A data directory and its companions on disk: the clone being prepared, and the one set aside.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::postgres {

using Path = std::filesystem::path;

// For a data directory D: D.staged and D.previous beside it; where D is a mount point or its parent cannot be written,
// D/.polygon/staged and D/.polygon/previous (Patroni takes dot-files for nothing).
enum class Layout { beside, inside };

struct Places {
    Path data;
    Path staged;
    Path previous;
    Layout layout = Layout::beside;
};

Places find_places(const Path& data_directory);

// What a staged or set-aside directory's tablespaces and pg_wal have behind their names.
inline constexpr const char* kStagedSuffix = ".staged";
inline constexpr const char* kPreviousSuffix = ".previous";

// The entries that Patroni counts (patroni/postgresql/__init__.py data_directory_empty): no dot-files, no lost+found.
// None for a directory that does not exist.
Result<std::vector<std::string>> list_entries(const Path& directory);

// 15 for a directory with PG_VERSION "15"; Errc::data_directory_invalid if there is none.
Result<int> read_major_version(const Path& data_directory);

// Moves the data directory to `previous`, with tablespaces and a pg_wal elsewhere. What `previous` held is removed
// first. Repeating it after a crash finishes it; with no data directory there is nothing to do.
Status set_aside(const Places& places);

// Moves the staged clone to where the data directory belongs, which must be empty. `global`, and with it pg_control,
// arrives last. May be repeated only after discard_half().
Status put_in_place(const Places& places);

// Removes what a crash in put_in_place or a restore has left, staged clone included; finishes an interrupted
// set_aside. Nothing that was set aside is touched.
Status clean_up(const Places& places);

// Removes a data directory that this product made, its own tablespaces and pg_wal elsewhere included.
Status remove_data_directory(const Path& directory);

// Empties the data directory itself, `global` first so that no half of it can be started.
Status discard_half(const Places& places);

}  // namespace polygon::postgres
