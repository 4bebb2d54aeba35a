// A data directory and its companions on disk: the clone being prepared, and the one set aside.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "common/base/result.h"

namespace polygon::postgres {

using Path = std::filesystem::path;

// For a data directory D: D.staged and D.previous beside it, behind D's links if it is one.
struct Places {
    Path data;
    Path staged;
    Path previous;
};

Places find_places(const Path& data_directory);

// Errc::data_directory_invalid if D cannot be renamed: it is a mount point, or its parent cannot be written.
Status require_movable(const Places& places);

// What a staged or set-aside directory's tablespaces and pg_wal have behind their names.
inline constexpr const char* kStagedSuffix = ".staged";
inline constexpr const char* kPreviousSuffix = ".previous";

// The entries that Patroni counts (patroni/postgresql/__init__.py data_directory_empty): no dot-files, no lost+found.
// None for a directory that does not exist.
Result<std::vector<std::string>> list_entries(const Path& directory);

// Errc::data_directory_occupied if it is not empty.
Status require_empty(const Path& data_directory);

// Moves the data directory to `previous`, with tablespaces and a pg_wal elsewhere. What `previous` held is removed
// first. Repeating it after a crash finishes it; with no data directory there is nothing to do.
Status set_aside(const Places& places);

// Renames the staged clone to where the data directory belongs, which must be empty.
Status put_in_place(const Places& places);

// Which targets of a data directory's links go with it: those that a rename of ours has given their suffix, or all,
// for a directory that is known to be of our own making.
enum class LinkTargets { with_suffix, all };

// Removes it, `global` first so that no half of it can be started.
Status remove_data_directory(const Path& directory, LinkTargets targets);

}  // namespace polygon::postgres
