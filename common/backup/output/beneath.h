// Opening what lies beneath a directory, and nothing else: no "..", no link and no mount of /proc leads out.
#pragma once

#include <string>

#include <sys/types.h>

#include "common/fs/fd.h"

namespace polygon::backup {

// kernel: openat2(2) with RESOLVE_BENEATH and RESOLVE_NO_SYMLINKS, Linux 5.6. by_component: each name from its parent's
// descriptor with O_NOFOLLOW, for older kernels and for containers whose seccomp profile does not know openat2.
enum class Resolution { kernel, by_component };

// What is possible here; asked of the kernel once.
Resolution available_resolution();

// A directory that exists; `path` is relative, its components separated by one slash. errno says why not: ELOOP or
// ENOTDIR where a link is in the way, EXDEV for a path that leads out.
fs::Fd open_directory_beneath(const fs::Fd& root, const std::string& path, Resolution resolution);

// A new file in `directory`; `name` has no slash. errno says why not.
fs::Fd create_file_beneath(int directory, const std::string& name, mode_t mode, Resolution resolution);

}  // namespace polygon::backup
