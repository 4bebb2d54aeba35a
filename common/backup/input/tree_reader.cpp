#include "common/backup/input/tree_reader.h"

#include <fmt/format.h>

#include "common/backup/damage.h"

namespace polygon::backup {

Result<std::unique_ptr<MemberReader>> TreeReader::open(const fs::Path& root) {
    std::unique_ptr<TreeReader> reader(new TreeReader(root));
    std::error_code error;
    reader->position_ = std::filesystem::recursive_directory_iterator(root, error);
    if (error) return reader->failure(error);
    return std::unique_ptr<MemberReader>(std::move(reader));
}

Error TreeReader::failure(const std::error_code& reason) const {
    return errno_error(Errc::io, fmt::format("cannot read '{}'", root_.string()), reason.value());
}

Result<Member> TreeReader::describe(const fs::Path& path) const {
    using std::filesystem::file_type;
    const std::string name = path.lexically_relative(root_);
    Member member{.path = TRY(safe_path(root_, name))};
    std::error_code error;
    switch (std::filesystem::symlink_status(path, error).type()) {
        case file_type::regular:
            return member;
        case file_type::directory:
            member.type = Member::Type::directory;
            return member;
        case file_type::symlink:
            member.type = Member::Type::link;
            member.link_target = std::filesystem::read_symlink(path, error);
            break;
        case file_type::fifo:
            return refused_member(root_, name, "is a FIFO");
        case file_type::block:
        case file_type::character:
            return refused_member(root_, name, "is a device");
        default:
            break;
    }
    if (error) return failure(error);
    if (member.type != Member::Type::link) return refused_member(root_, name, "is no regular file");
    return member;
}

Result<std::optional<Member>> TreeReader::next() {
    content_.reset();
    std::error_code error;
    if (has_begun_) position_.increment(error);
    if (error) return failure(error);
    has_begun_ = true;
    if (position_ == std::filesystem::recursive_directory_iterator()) return std::optional<Member>();
    return std::optional<Member>(TRY(describe(position_->path())));
}

Result<std::span<const std::byte>> TreeReader::read() {
    if (!content_) content_ = TRY(FileSource::open(position_->path()));
    return content_->read();
}

}  // namespace polygon::backup
