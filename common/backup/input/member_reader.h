// The files of one archive or directory tree, one after the other, with names that are safe to use.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "common/backup/block.h"
#include "common/backup/location.h"
#include "common/base/result.h"
#include "common/fs/fd.h"

namespace polygon::backup {

struct Member {
    enum class Type { file, directory, link };
    std::string path;  // relative, without "." or "..", without control characters
    Type type = Type::file;
    std::uint64_t size_bytes = 0;  // of a file, as announced: it may be cut off
    std::string link_target;       // of a symbolic link
};

// Everything but files, directories and symbolic links is refused (backup_corrupt), and so are names that lead out of
// the tree or could deceive a reader. What a symbolic link means is the caller's to say.
class MemberReader {
  public:
    virtual ~MemberReader() = default;
    // Nothing at the end; by then the whole stream has been read and checked. Unread content is passed over.
    virtual Result<std::optional<Member>> next() = 0;
    // The next bytes of the file that next() gave; empty at its end.
    virtual Result<Block> read() = 0;
    // Makes `destination`, an empty file, share the content of the file that next() gave, where the file system can do
    // that; read() then still gives the content, to be verified. False: nothing was done.
    virtual bool share_content(const fs::Fd& destination);
};

// The members of one archive: a tar's by one reader, unpacked a little ahead in threads of its own; those of a
// directory tree shared out among `shares` readers, which may be used by as many threads. Errors: io, unsupported.
Result<std::vector<std::unique_ptr<MemberReader>>> open_members(Format format, const Archive& archive,
                                                                std::size_t shares);

// Reads another reader in a thread of its own, a little ahead of who reads this.
std::unique_ptr<MemberReader> unpack_ahead(std::unique_ptr<MemberReader> reader);

// "./base/5/" as "base/5", "." and "./" as "". Errors: backup_corrupt for a name that is refused.
Result<std::string> safe_path(const fs::Path& archive, std::string_view name);

}  // namespace polygon::backup
