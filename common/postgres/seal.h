// A staged clone's seal: whether anything of it was touched since it was made, told without reading its content.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::postgres {

// SHA-256 (hex) over path, kind, size and change time of everything in the directory, its tablespaces and a pg_wal
// elsewhere; polygon.json aside, which holds the seal, and what a crash has left of writing it or of re-pointing a
// link, and directories' own times. A write, a truncation, a removal or an addition changes it; renaming the directory
// as a whole does not. A disk that loses bits does not either: that is what data checksums are for. Its cost goes by
// the number of files.
Result<std::string> compute_seal(const Path& data_directory);

// Writes it into the directory's polygon.json, when everything else is done.
Status seal(const Path& data_directory);

// Errc::conflict if the directory has no seal, or is not as it was sealed.
Status require_sealed(const Path& data_directory);

}  // namespace polygon::postgres
