// The data directory and its companions, as a node's agent reads them.
#pragma once

#include "bootstrap/entrypoint/agent/seen.h"
#include "common/base/result.h"
#include "common/postgres/data_directory.h"

namespace polygon::entrypoint {

Result<DiskSeen> look_at_disk(const postgres::Places& places);

// Puts a replica's own copy of the staged leader in place, marked as proven as its leader is by now. Errc::conflict if
// its seal does not hold. A repeat after a crash finishes it.
Status put_copy_in_place(const postgres::Places& places);

struct Room {
    std::uint64_t free_bytes = 0;  // for an unprivileged process
    std::uint64_t used_bytes = 0;
};

// Of the file system where the clone is staged; zeros if it cannot be read.
Room read_room(const postgres::Places& places);

// "glibc 2.36".
std::string c_library();

}  // namespace polygon::entrypoint
