#include "common/backup/input/tree_reader.h"

#include <filesystem>
#include <mutex>

#include <fcntl.h>
#include <fmt/format.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "common/backup/damage.h"

namespace polygon::backup {

class TreeReader::Walk {
  public:
    explicit Walk(fs::Path root) : root_(std::move(root)), position_(root_, error_) {}

    Error failure(int reason) const {
        return errno_error(Errc::io, fmt::format("cannot read '{}'", root_.string()), reason);
    }

    const fs::Path& root() const { return root_; }
    const std::error_code& error() const { return error_; }

    // Empty after the last entry.
    Result<fs::Path> next() {
        const std::lock_guard lock(mutex_);
        if (error_) return failure(error_.value());
        if (position_ == std::filesystem::recursive_directory_iterator()) return fs::Path();
        fs::Path path = position_->path();
        position_.increment(error_);
        return path;
    }

  private:
    std::mutex mutex_;
    fs::Path root_;
    std::error_code error_;
    std::filesystem::recursive_directory_iterator position_;
};

namespace {

Result<Member> describe(const fs::Path& root, const fs::Path& path) {
    using std::filesystem::file_type;
    const std::string name = path.lexically_relative(root);
    Member member{.path = TRY(safe_path(root, name))};
    std::error_code error;
    switch (std::filesystem::symlink_status(path, error).type()) {
        case file_type::regular:
            member.size_bytes = std::filesystem::file_size(path, error);
            break;
        case file_type::directory:
            member.type = Member::Type::directory;
            break;
        case file_type::symlink:
            member.type = Member::Type::link;
            member.link_target = std::filesystem::read_symlink(path, error);
            break;
        case file_type::fifo:
            return refused_member(root, name, "is a FIFO");
        case file_type::block:
        case file_type::character:
            return refused_member(root, name, "is a device");
        default:
            if (!error) return refused_member(root, name, "is no regular file");
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", path.string()), error.value());
    return member;
}

}  // namespace

TreeReader::TreeReader(std::shared_ptr<Walk> walk) : walk_(std::move(walk)) {}

TreeReader::~TreeReader() = default;

Result<std::vector<std::unique_ptr<MemberReader>>> TreeReader::open(const fs::Path& root, std::size_t shares) {
    const auto walk = std::make_shared<Walk>(root);
    if (walk->error()) return walk->failure(walk->error().value());
    std::vector<std::unique_ptr<MemberReader>> readers;
    while (readers.size() < shares) {
        readers.emplace_back(new TreeReader(walk));
    }
    return readers;
}

Result<std::optional<Member>> TreeReader::next() {
    content_.reset();
    path_ = TRY(walk_->next());
    if (path_.empty()) return std::optional<Member>();
    return std::optional<Member>(TRY(describe(walk_->root(), path_)));
}

Result<Block> TreeReader::read() {
    if (!content_) content_ = TRY(FileSource::open(path_, Caching::use));
    return content_->read();
}

// A reflink (ioctl_ficlone(2)): Btrfs, XFS, and others. copy_file_range(2) elsewhere copies, and the content has to be
// read for its checksum anyway.
bool TreeReader::share_content(const fs::Fd& destination) {
    const auto source = fs::open_file(path_, O_RDONLY | O_NOFOLLOW);
    return source && ::ioctl(destination.get(), FICLONE, source->get()) == 0;
}

}  // namespace polygon::backup
