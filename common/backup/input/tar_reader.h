// Members of a tar archive, through libarchive.
#pragma once

#include <memory>

#include <sys/types.h>

#include "common/backup/input/byte_source.h"
#include "common/backup/input/member_reader.h"

struct archive;
struct archive_entry;

namespace polygon::backup {

class TarReader : public MemberReader {
  public:
    // Errors: as open_archive_bytes().
    static Result<std::unique_ptr<MemberReader>> open(const fs::Path& path);
    // `name` is for messages.
    static Result<std::unique_ptr<MemberReader>> over(std::unique_ptr<ByteSource> source, const fs::Path& name);
    ~TarReader() override;
    Result<std::optional<Member>> next() override;
    Result<Block> read() override;

  private:
    struct Feed;
    struct FreeArchive {
        void operator()(archive* handle) const;
    };
    TarReader(std::unique_ptr<ByteSource> source, const fs::Path& name);
    static ssize_t feed(archive* handle, void* feed, const void** block);
    Error failure() const;
    Error followed() const;
    Result<Member> describe(archive_entry* entry) const;
    Status finish(std::int64_t end_of_members);

    fs::Path name_;
    std::unique_ptr<Feed> feed_;
    std::unique_ptr<archive, FreeArchive> archive_;
    std::int64_t offset_ = 0;  // within the current member
    std::int64_t size_ = 0;    // of the current member, if it is a file
};

}  // namespace polygon::backup
