// Room on file systems.
#pragma once

#include <cstdint>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/fs/file.h"

namespace polygon::fs {

struct Space {
    dev_t device = 0;              // the same for paths that share their room
    std::uint64_t free_bytes = 0;  // for an unprivileged process (statvfs f_bavail)
};

// Of the file system that holds `path` or, if that does not exist, will hold it: its nearest parent's.
Result<Space> read_space(const Path& path);

// What removing `directory` would give back; 0 if it is not there. Links are not followed.
Result<std::uint64_t> used_bytes(const Path& directory);

}  // namespace polygon::fs
