// Files of a directory tree, links unfollowed.
#pragma once

#include <memory>
#include <vector>

#include "common/backup/input/byte_source.h"
#include "common/backup/input/member_reader.h"

namespace polygon::backup {

class TreeReader : public MemberReader {
  public:
    // `shares` readers that take the entries of one walk in turn. `root` itself may be a link. Errors: io.
    static Result<std::vector<std::unique_ptr<MemberReader>>> open(const fs::Path& root, std::size_t shares);
    ~TreeReader() override;
    Result<std::optional<Member>> next() override;
    Result<Block> read() override;
    bool share_content(const fs::Fd& destination) override;

  private:
    class Walk;
    explicit TreeReader(std::shared_ptr<Walk> walk);

    std::shared_ptr<Walk> walk_;
    fs::Path path_;  // of the current entry
    std::unique_ptr<ByteSource> content_;
};

}  // namespace polygon::backup
