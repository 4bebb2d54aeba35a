// A directory that a restore fills, and what it takes to leave it as it was found.
#pragma once

#include <vector>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::bootstrap {

class Destination {
  public:
    // Makes the directory with its parents unless it is there, locks it and marks it incomplete (leftover.h): what
    // put_back() removes is nobody else's. What a killed restore has left in it is removed.
    // Errors: data_directory_occupied if it holds anything else; conflict if another restore has it; io. After an error
    // everything is as it was, but for such a leftover.
    static Result<Destination> take(const fs::Path& directory);

    // All is there: takes the mark off, and removes what take() made if nothing was put into it: the place of a
    // tablespace that the backup does not have. A repeat is harmless. Errors: io.
    Status settle() const;
    // Removes all that has been written, and what take() made. Errors: io.
    Status put_back() const;

  private:
    explicit Destination(fs::Path directory) : directory_(std::move(directory)) {}
    Status make_missing();
    Status lock();
    Status clear();
    Status set_mode_back() const;
    void remove_made() const;

    fs::Path directory_;
    std::vector<fs::Path> made_;  // by take(), parents first
    mode_t mode_ = 0;             // as found
    fs::Fd lock_;
};

}  // namespace polygon::bootstrap
