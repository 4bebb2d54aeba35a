// What a killed restore leaves behind, and how the next one knows it for its own.
#pragma once

#include <string_view>

#include "common/base/result.h"
#include "common/fs/file.h"

namespace polygon::bootstrap {

// A file in each directory that a restore fills: there before anything else is, gone when all is there.
inline constexpr std::string_view kIncompleteMark = "polygon-restore.incomplete";

// On disk when it returns. A repeat is harmless. Errors: io.
Status mark_incomplete(const fs::Path& directory);
// Tablespaces first, the data directory last: what is marked in it is made up for by remove_leftover(). A directory
// without the mark is no error. Errors: io.
Status take_mark_off(const fs::Path& directory);

// Whether a restore began to fill it and did not come to its end, and nobody has started PostgreSQL on it since.
bool is_leftover(const fs::Path& directory);

// Removes everything but the mark, global/pg_control first. What a data directory's own tablespaces hold is left to who
// takes their places: they are marked again where the killed restore had already taken their marks off. Errors: io.
Status remove_leftover(const fs::Path& directory);

}  // namespace polygon::bootstrap
