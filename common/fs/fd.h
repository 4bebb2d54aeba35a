// A file descriptor with one owner.
#pragma once

#include <span>
#include <utility>

#include "common/base/result.h"

namespace polygon::fs {

class Fd {
  public:
    Fd() = default;
    explicit Fd(int fd) : fd_(fd) {}
    Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    Fd& operator=(Fd&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    Fd(const Fd&) = delete;
    Fd& operator=(const Fd&) = delete;
    ~Fd();

    int get() const { return fd_; }
    bool is_open() const { return fd_ >= 0; }
    int release() { return std::exchange(fd_, -1); }

  private:
    int fd_ = -1;
};

// All of `bytes`, whatever short writes come. `name` is for the message.
Status write_all(const Fd& fd, std::span<const std::byte> bytes, std::string_view name);

// Closes a file that was written and says what close(2) says: some file systems tell only then that there was no room.
Status close_written(Fd fd, std::string_view name);

}  // namespace polygon::fs
