// How much has passed, counted by all lanes together.
#pragma once

#include <cstdint>
#include <functional>
#include <mutex>

#include "common/backup/restore.h"

namespace polygon::backup {

class Tally {
  public:
    Tally(const Manifest& manifest, std::function<void(const Progress&)> on_progress);

    // A part of a file that the manifest names; without a manifest of any but WAL.
    void add_verified(std::uint64_t bytes);
    void add_verified_file();
    // Files that go to the data directory (when only checking: that are read), WAL included.
    void add_taken(std::uint64_t bytes);
    void add_taken_file();

    std::uint64_t taken_bytes() const;
    std::uint64_t taken_files() const;

  private:
    void report() const;

    mutable std::mutex mutex_;
    std::function<void(const Progress&)> on_progress_;
    Progress progress_;
    std::uint64_t taken_bytes_ = 0;
    std::uint64_t taken_files_ = 0;
};

}  // namespace polygon::backup
