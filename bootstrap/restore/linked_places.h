// What a data directory reaches by its links, tablespaces and a pg_wal elsewhere: it is renamed with it.
#pragma once

#include <vector>

#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/data_directory.h"

namespace polygon::bootstrap {

// Where the links of its pg_tblspc and its pg_wal point to; none for a directory that is not there. Errors: io.
Result<std::vector<postgres::Path>> list_link_targets(const postgres::Path& data_directory);

// What postgres::require_movable() is for the data directory itself, for its links' targets and for the places of the
// tablespaces to come. Errc::data_directory_invalid, naming the path: one is a mount point, or in a directory that
// cannot be written.
Status require_links_movable(const postgres::Places& places, const patroni::TextMap& tablespaces);

}  // namespace polygon::bootstrap
