// What a data directory reaches by its links, tablespaces and a pg_wal elsewhere: it is renamed with it.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Where the links of its pg_tblspc and its pg_wal point to; none for a directory that is not there. Errors: io.
Result<std::vector<postgres::Path>> list_link_targets(const postgres::Path& data_directory);

// Whether the data directory, its links' targets and the places of the tablespaces to come can be renamed, and each
// without the others. Errors, naming the path: configuration (a name that ends in a suffix of ours, one place in
// another or in its companions); data_directory_invalid (a mount point, or in a directory that cannot be written).
Status require_usable_places(const postgres::Places& places, const patroni::TextMap& tablespaces);

}  // namespace polygon::bootstrap
