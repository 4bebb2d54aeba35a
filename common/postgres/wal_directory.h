// pg_wal of a clone.
#pragma once

#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::postgres {

// Removes from pg_wal, wherever it is, all that is neither a segment nor a timeline's history: what tools that fetch
// WAL keep there (`.wal-g`), segments that were received in part or are another's. Empty status files stay, and the
// summaries of 17. A server that is not recovering may be at work.
Status remove_foreign_wal(const Path& data_directory);

// Names of the segments in pg_wal that are of another timeline than this one ("00000002000000000000000A"), or come
// before it.
Result<std::vector<std::string>> find_older_segments(const Path& data_directory, const std::string& segment);

}  // namespace polygon::postgres
