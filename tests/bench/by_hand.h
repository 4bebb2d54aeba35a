// The rebuild that a careful administrator does by hand, scripted without a pause between two steps.
#pragma once

#include <filesystem>

#include "common/base/result.h"
#include "tests/support/stand.h"

namespace polygon::bench {

// From the stop of all nodes until all three stream, under plain Patroni. `backup` is one of pg_basebackup -Ft -z.
Status rebuild_by_hand(support::Stand& stand, const std::filesystem::path& backup);

// Back to services under polygon-entrypoint, as if the cluster had never been rebuilt otherwise.
Status become_services(support::Stand& stand);

}  // namespace polygon::bench
