// The files of one archive or directory tree, one after the other, with names that are safe to use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "common/backup/location.h"
#include "common/base/result.h"

namespace polygon::backup {

struct Member {
    enum class Type { file, directory, link };
    std::string path;  // relative, without "." or "..", without control characters
    Type type = Type::file;
    std::string link_target;  // of a symbolic link
};

// Everything but files, directories and symbolic links is refused (backup_corrupt), and so are names that lead out of
// the tree or could deceive a reader. What a symbolic link means is the caller's to say.
class MemberReader {
  public:
    virtual ~MemberReader() = default;
    // Nothing at the end; by then the whole stream has been read and checked. Unread content is passed over.
    virtual Result<std::optional<Member>> next() = 0;
    // The next bytes of the file that next() gave, valid until the next call; empty at its end.
    virtual Result<std::span<const std::byte>> read() = 0;
};

Result<std::unique_ptr<MemberReader>> open_members(Format format, const Archive& archive);

// "./base/5/" as "base/5", "." and "./" as "". Errors: backup_corrupt for a name that is refused.
Result<std::string> safe_path(const fs::Path& archive, std::string_view name);

}  // namespace polygon::backup
