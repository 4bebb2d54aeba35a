// What a test and the fault library in the program under test tell each other: one page of a file that both map.
#pragma once

#include <atomic>
#include <cstdint>

namespace polygon::faults {

// What the library is asked to do, given by environment, under names that are not of our configuration. Paths are
// absolute.
inline constexpr const char* kPageVariable = "FAULTS_PAGE";    // the file
inline constexpr const char* kBelowVariable = "FAULTS_BELOW";  // calls on anything else are left alone

// Calls that a restore makes to the system, by what they do.
enum Call : std::uint32_t {
    write,
    flush,
    flush_all,
    rename,
    create,
    make_directory,
    allocate,
    cut,
    link,
    mode,
    close,
    remove,
    kCalls
};
inline constexpr const char* kCallNames[kCalls] = {"write",     "fsync",     "syncfs",  "rename", "create", "mkdir",
                                                   "fallocate", "ftruncate", "symlink", "chmod",  "close",  "unlink"};

constexpr std::uint32_t kNever = 0;

// All zero: nothing is done but to count. The counts go on over fork() and exec().
struct Page {
    // Written by the test.
    std::uint32_t failing_call = 0;            // the call of which …
    std::uint32_t failing_at = kNever;         // … this one, from 1, fails …
    std::int32_t failing_with = 0;             // … with this errno
    std::uint32_t most_bytes = 0;              // no write takes more; 0: as many as are given
    std::uint32_t interrupted_every = kNever;  // each such write is interrupted first
    std::uint32_t killed_at = kNever;          // before the call, of all, with this number the first process is killed
    // While this is not 0, opening a file whose path ends with `unreadable` to read it fails with that errno, or the
    // look whether it is there.
    std::atomic<std::int32_t> unreadable_with;
    std::uint32_t fails_look = 0;  // 1: lstat(2) fails; 0: open(2)
    char unreadable[256] = {};
    // Written by the library.
    std::atomic<std::uint32_t> counts[kCalls];
    std::atomic<std::uint32_t> all_calls;
    std::atomic<std::int32_t> first_process;
    std::atomic<std::uint32_t> has_failed;
    char failed_path[1024];
};

}  // namespace polygon::faults
