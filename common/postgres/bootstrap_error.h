// Why the last bootstrap of a data directory D failed: D.bootstrap-error beside it. Patroni runs the programs that
// know, and ends with status 1 whatever they say; the node's agent passes it on.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::postgres {

// Replaces what was there, and a success removes it. That it cannot be written hides no error: nothing comes of that.
void note_bootstrap_end(const Path& data_directory, const Status& done);
// Empty: none.
std::string read_bootstrap_error(const Path& data_directory);
void forget_bootstrap_error(const Path& data_directory);

}  // namespace polygon::postgres
