// What earlier rebuilds and failed bootstraps left on this node: it makes room for the next rebuild.
#pragma once

#include <cstdint>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Where Patroni renames a data directory whose bootstrap failed, and what its links point to likewise.
postgres::Path failed_place(const postgres::Places& places);

// Whether a clone of ours is what failed there: it has a polygon.json, of whichever generation.
Result<bool> is_failed_clone(const postgres::Path& failed);

// A directory and its links' targets that have its suffix, and what removing each gives back.
struct OldTree {
    postgres::Path path;
    std::uint64_t bytes = 0;
};

// Of D.previous, and of D.failed if that is ours. Errors: io.
Result<std::vector<OldTree>> find_old_data(const postgres::Places& places);

// D.failed with its links' targets of that suffix, if it is ours; a repeat finishes what was interrupted. Errors: io.
Status remove_failed_clone(const postgres::Places& places);

}  // namespace polygon::bootstrap
