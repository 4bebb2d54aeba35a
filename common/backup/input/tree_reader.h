// Files of a directory tree, links unfollowed.
#pragma once

#include <filesystem>
#include <memory>

#include "common/backup/input/byte_source.h"
#include "common/backup/input/member_reader.h"

namespace polygon::backup {

class TreeReader : public MemberReader {
  public:
    // `root` itself may be a link. Errors: io.
    static Result<std::unique_ptr<MemberReader>> open(const fs::Path& root);
    Result<std::optional<Member>> next() override;
    Result<std::span<const std::byte>> read() override;

  private:
    explicit TreeReader(fs::Path root) : root_(std::move(root)) {}
    Result<Member> describe(const fs::Path& path) const;
    Error failure(const std::error_code& reason) const;

    fs::Path root_;
    std::filesystem::recursive_directory_iterator position_;
    bool has_begun_ = false;
    std::unique_ptr<ByteSource> content_;
};

}  // namespace polygon::backup
