#include "common/backup/input/tar_reader.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <functional>
#include <vector>

#include <archive.h>
#include <archive_entry.h>
#include <fmt/format.h>

#include "common/backup/damage.h"

namespace polygon::backup {
namespace {

constexpr std::int64_t kMarkerBytes = 1024;
// libarchive asks for one tar block behind the marker's first, which may begin in an earlier one of our blocks.
constexpr std::size_t kMostZerosCounted = 2 * kMarkerBytes;

std::size_t zeros_at_end(std::span<const std::byte> bytes) {
    const auto other = std::find_if(bytes.rbegin(), bytes.rend(), [](std::byte byte) { return byte != std::byte{0}; });
    return static_cast<std::size_t>(other - bytes.rbegin());
}

}  // namespace

// What libarchive was given last, and where in the stream that begins.
struct TarReader::Feed {
    std::unique_ptr<ByteSource> source;
    Block block;
    std::int64_t block_start = 0;
    std::size_t zeros_before_block = 0;  // as many as there are, up to kMostZerosCounted
    std::optional<Error> error;

    // At the end of what was given so far; those of the block are looked for in its last `most_bytes` bytes.
    std::size_t count_zeros(std::size_t most_bytes) const {
        const std::size_t zeros = zeros_at_end(block.bytes.last(std::min(block.bytes.size(), most_bytes)));
        return zeros == block.bytes.size() ? zeros + zeros_before_block : zeros;
    }

    // Where in the stream the zeros begin that end what was given so far.
    std::int64_t start_of_zeros() const {
        const auto given = block_start + static_cast<std::int64_t>(block.bytes.size());
        return given - static_cast<std::int64_t>(count_zeros(block.bytes.size()));
    }

    bool advance() {
        zeros_before_block = std::min(count_zeros(kMostZerosCounted), kMostZerosCounted);
        block_start += static_cast<std::int64_t>(block.bytes.size());
        block = {};
        Result<Block> got = source->read();
        if (got.has_value()) {
            block = std::move(*got);
        } else {
            error = got.error();
        }
        return got.has_value();
    }

    bool holds(std::span<const std::byte> bytes) const {
        const std::less_equal<> is_not_after;
        return is_not_after(block.bytes.data(), bytes.data()) &&
               is_not_after(bytes.data() + bytes.size(), block.bytes.data() + block.bytes.size());
    }
};

namespace {

// What a member is that is neither file, directory nor symbolic link; nullptr if it is one of them.
const char* refusal(archive_entry* entry) {
    if (archive_entry_hardlink(entry) != nullptr) return "is a hard link";
    if (archive_entry_sparse_count(entry) > 0) return "is a sparse file";
    switch (archive_entry_filetype(entry)) {
        case AE_IFREG:
        case AE_IFDIR:
        case AE_IFLNK:
            return nullptr;
        case AE_IFIFO:
            return "is a FIFO";
        case AE_IFCHR:
        case AE_IFBLK:
            return "is a device";
        default:
            return "is no regular file";
    }
}

Member::Type type_of(archive_entry* entry) {
    switch (archive_entry_filetype(entry)) {
        case AE_IFDIR:
            return Member::Type::directory;
        case AE_IFLNK:
            return Member::Type::link;
        default:
            return Member::Type::file;
    }
}

}  // namespace

void TarReader::FreeArchive::operator()(archive* handle) const {
    archive_read_free(handle);
}

TarReader::TarReader(std::unique_ptr<ByteSource> source, const fs::Path& name)
    : name_(name), feed_(std::make_unique<Feed>()), archive_(archive_read_new()) {
    feed_->source = std::move(source);
}

TarReader::~TarReader() = default;

Result<std::unique_ptr<MemberReader>> TarReader::open(const fs::Path& path) {
    return over(TRY(open_archive_bytes(path)), path);
}

Result<std::unique_ptr<MemberReader>> TarReader::over(std::unique_ptr<ByteSource> source, const fs::Path& name) {
    std::unique_ptr<TarReader> reader(new TarReader(std::move(source), name));
    archive* handle = reader->archive_.get();
    // No filters: decompression is ours, because libarchive does not check every trailer.
    if (archive_read_support_format_tar(handle) != ARCHIVE_OK ||
        archive_read_open(handle, reader->feed_.get(), nullptr, &TarReader::feed, nullptr) != ARCHIVE_OK) {
        return reader->failure();
    }
    return std::unique_ptr<MemberReader>(std::move(reader));
}

ssize_t TarReader::feed(archive* handle, void* feed, const void** block) {
    auto* self = static_cast<Feed*>(feed);
    if (!self->advance()) {
        archive_set_error(handle, EIO, "the source failed");
        return ARCHIVE_FATAL;
    }
    *block = self->block.bytes.data();
    return static_cast<ssize_t>(self->block.bytes.size());
}

Error TarReader::failure() const {
    if (feed_->error) return *feed_->error;
    const char* reason = archive_error_string(archive_.get());
    return damaged_archive(name_, reason == nullptr ? "not a tar archive" : reason);
}

Result<Member> TarReader::describe(archive_entry* entry) const {
    const char* name = archive_entry_pathname(entry);
    if (name == nullptr) name = archive_entry_pathname_utf8(entry);  // a pax name that the locale cannot say
    if (name == nullptr) return damaged_archive(name_, "a member has no name");
    Member member{.path = TRY(safe_path(name_, name)), .type = type_of(entry)};
    if (const char* reason = refusal(entry)) return refused_member(name_, name, reason);
    member.size_bytes = static_cast<std::uint64_t>(std::max<la_int64_t>(archive_entry_size(entry), 0));
    if (member.type == Member::Type::link && archive_entry_symlink(entry) != nullptr) {
        member.link_target = archive_entry_symlink(entry);
    }
    if (member.path.empty() && member.type != Member::Type::directory) {
        return refused_member(name_, name, "has no name of its own");
    }
    return member;
}

Result<std::optional<Member>> TarReader::next() {
    // Passes over the content, so that the position below is at its end.
    if (archive_file_count(archive_.get()) > 0 && archive_read_data_skip(archive_.get()) < ARCHIVE_WARN) {
        return failure();
    }
    const std::int64_t end_of_members = archive_filter_bytes(archive_.get(), 0);
    archive_entry* entry = nullptr;
    const int code = archive_read_next_header(archive_.get(), &entry);
    offset_ = size_ = 0;
    if (code == ARCHIVE_EOF) {
        TRY(finish(end_of_members));
        return std::optional<Member>();
    }
    if (code != ARCHIVE_OK && code != ARCHIVE_WARN) return failure();
    Member member = TRY(describe(entry));
    if (member.type == Member::Type::file) size_ = static_cast<std::int64_t>(member.size_bytes);
    return std::optional(std::move(member));
}

// libarchive takes the plain end of the stream for the end of the archive too, and reads no further than the two blocks
// of zeros that should be there, of which older ones are content with one: what stands between the last member and the
// end of the zeros may as well be a header without its member. Only reading on to the end makes a compressed source
// check its last trailer.
Status TarReader::finish(std::int64_t end_of_members) {
    const std::int64_t end = archive_filter_bytes(archive_.get(), 0);
    const std::int64_t zeros = feed_->start_of_zeros();
    const bool has_room_for_marker = end - end_of_members >= kMarkerBytes;
    if (has_room_for_marker && zeros > end) return followed();
    if (!has_room_for_marker || end - zeros < kMarkerBytes) {
        return damaged_archive(name_, "it ends without an end-of-archive marker");
    }
    if (zeros > end_of_members) return damaged_archive(name_, "its last header has no member");
    while (true) {
        if (!feed_->advance()) return failure();
        if (feed_->block.is_empty()) return {};
        if (zeros_at_end(feed_->block.bytes) < feed_->block.bytes.size()) return followed();
    }
}

Error TarReader::followed() const {
    return damaged_archive(name_, "something follows its end-of-archive marker");
}

// Mostly a part of the block that libarchive was given, which is passed on as it is. The rest it had to put together in
// memory of its own, because a block ended in the middle of something.
Result<Block> TarReader::read() {
    const void* start = nullptr;
    std::size_t length = 0;
    la_int64_t offset = 0;
    while (length == 0) {
        const int code = archive_read_data_block(archive_.get(), &start, &length, &offset);
        if (code == ARCHIVE_EOF) {
            if (offset_ != size_) return damaged_archive(name_, "a member is not as long as it says");
            return Block();
        }
        if (code != ARCHIVE_OK) return failure();
    }
    if (offset != offset_) return damaged_archive(name_, "a member has a hole");
    offset_ += static_cast<std::int64_t>(length);
    const std::span bytes(static_cast<const std::byte*>(start), length);
    if (feed_->holds(bytes)) return Block{feed_->block.owner, bytes};
    const auto copy = std::make_shared<std::vector<std::byte>>(bytes.begin(), bytes.end());
    return Block{copy, *copy};
}

}  // namespace polygon::backup
