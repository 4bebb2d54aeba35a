// A file of ours alone, for what another program is to write down.
#pragma once

#include <string>
#include <utility>

#include "common/fs/file.h"

namespace polygon::fs {

// Empty, mode 0600, in TMPDIR or /tmp. It is removed with this object.
class TemporaryFile {
  public:
    static Result<TemporaryFile> make(const std::string& name);
    TemporaryFile(TemporaryFile&& other) noexcept : path_(std::exchange(other.path_, {})) {}
    TemporaryFile& operator=(TemporaryFile&& other) noexcept {
        std::swap(path_, other.path_);
        return *this;
    }
    TemporaryFile(const TemporaryFile&) = delete;
    TemporaryFile& operator=(const TemporaryFile&) = delete;
    ~TemporaryFile();

    const Path& path() const { return path_; }

  private:
    explicit TemporaryFile(Path path) : path_(std::move(path)) {}

    Path path_;
};

}  // namespace polygon::fs
