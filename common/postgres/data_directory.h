// A data directory and its companions on disk: the clone being prepared, and the one set aside.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

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

// Where the data directory is a link that leads nowhere, for what it led to was set aside or removed: makes an empty
// directory (0700) there, as pg_basebackup and initdb cannot. Else nothing.
Status ensure_link_target(const Path& data_directory);

// The major version in its PG_VERSION. Errc::data_directory_invalid if that names none.
Result<int> read_major_version(const Path& data_directory);

// The process that its postmaster.pid names, if that works there: a number may have been given to another since.
Result<std::optional<pid_t>> read_postmaster(const Path& data_directory);

// Errc::data_directory_invalid if D cannot be renamed: it is a mount point, or its parent cannot be written.
Status require_movable(const Places& places);

// What a staged or set-aside directory's tablespaces and pg_wal have behind their names.
inline constexpr const char* kStagedSuffix = ".staged";
inline constexpr const char* kPreviousSuffix = ".previous";
// What Patroni gives them where a bootstrap has failed (patroni/postgresql/__init__.py, move_data_directory).
inline constexpr const char* kFailedSuffix = ".failed";

// Errc::configuration if the name of a place itself ends in one of these: a rename would take it for another's, or undo
// what was never done. `what` is "data directory", for the message.
Status require_plain_name(const std::string& what, const Path& place);

// The entries that Patroni counts (patroni/postgresql/__init__.py data_directory_empty): no dot-files, no lost+found.
// None for a directory that does not exist.
Result<std::vector<std::string>> list_entries(const Path& directory);

// Errc::data_directory_occupied if it is not empty.
Status require_empty(const Path& data_directory);

// Moves the data directory to `previous`, with tablespaces and a pg_wal elsewhere. What `previous` held is removed
// first; Errc::conflict if that is more complete (completeness.h). Repeating it after a crash finishes it; with no data
// directory there is nothing to do.
Status set_aside(const Places& places);

// The same for a rebuild that can be undone: the directory is marked first with the generation that replaces it, so
// that bring_back() knows its way. Errc::conflict if `previous` is what was set aside for this generation already: it
// is the way back, and not overwritten by what has come into its place since.
Status set_aside_for(const Places& places, const std::string& generation);

// The generation for which this directory was set aside, or was to be; none for any other, nor for one whose removal
// has begun.
Result<std::optional<std::string>> replaced_by(const Path& directory);

// Undoes set_aside_for(), finished or not: the data directory is the one of before, unmarked. What was put in its place
// meanwhile has to be out of the way (take_back()); what it has left at the places of tablespaces is removed. Nothing
// to do where nothing was set aside for it.
Status bring_back(const Places& places, const std::string& generation);

// The reverse of put_in_place(): the data directory becomes the staged one, which must not exist.
Status take_back(const Places& places);

// Renames the staged clone to where the data directory belongs, which must be empty.
Status put_in_place(const Places& places);

// Flushes every file system that holds a part of it: its own, and those of its tablespaces and of a pg_wal elsewhere.
Status flush_data_directory(const Path& directory);

// Which targets of a data directory's links go with it: those that a rename of ours has given their suffix, or all,
// for a directory that is known to be of our own making.
enum class LinkTargets { with_suffix, all };

// Removes it. Its first step renames pg_control, so that no half of it can be started, and neither is it a way back
// from then on; its last removes that file.
Status remove_data_directory(const Path& directory, LinkTargets targets);
// What such a removal has left that did not come to its end.
Result<bool> is_half_removed(const Path& directory);

// What a clone that was given up has left at the places of tablespaces, and of a pg_wal, that were set aside: the next
// one would find them occupied. None while there is a data directory.
Result<std::vector<Path>> find_leftovers(const Places& places);

// Removes what has come into the place of a data directory that was set aside, with such leftovers.
Status remove_with_leftovers(const Places& places);

}  // namespace polygon::postgres
