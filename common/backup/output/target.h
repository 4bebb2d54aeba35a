// Creates files beneath one directory and nowhere else: every name is resolved beneath its descriptor without following
// links (beneath.h), so no name and no link that an archive brought can lead out.
#pragma once

#include <memory>
#include <string>
#include <string_view>

#include "common/backup/output/beneath.h"
#include "common/base/result.h"
#include "common/fs/fd.h"
#include "common/fs/file.h"

namespace polygon::backup {

class Target {
  public:
    // Creates the directory (0700) unless it is there. Its parent must exist. Errors: io.
    static Result<std::unique_ptr<Target>> open(const fs::Path& root);

    const fs::Path& root() const { return root_; }
    // With its parents, 0700. `path` is relative and has no "..". A directory that is there is no error.
    // Errors: backup_corrupt if something else is in the way; io.
    Status make_directory(std::string_view path);
    // A new file, 0600, its parents made. Errors: as above.
    Result<fs::Fd> create_file(std::string_view path);
    Status create_link(std::string_view path, const fs::Path& to);
    // Flushes the whole file system (syncfs). The descriptor is as old as the target: what could not be written back in
    // the meantime is told, even if another process has been told already.
    Status flush() const;

  private:
    Target(fs::Path root, fs::Fd fd) : root_(std::move(root)), fd_(std::move(fd)) {}
    // The descriptor of the directory, made if it is missing. Kept open: members come directory by directory.
    Result<int> enter(std::string_view directory);
    fs::Fd make_directories(std::string_view directory) const;
    Error failure(std::string_view action, std::string_view path, int reason) const;

    fs::Path root_;
    fs::Fd fd_;
    Resolution resolution_ = available_resolution();
    fs::Fd current_;
    std::string current_path_;
};

}  // namespace polygon::backup
