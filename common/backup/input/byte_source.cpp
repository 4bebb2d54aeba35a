#include "common/backup/input/byte_source.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/backup/input/gzip_source.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kBlockBytes = 1U << 20;

}  // namespace

FileSource::FileSource(fs::Fd fd, fs::Path path) : fd_(std::move(fd)), path_(std::move(path)), buffer_(kBlockBytes) {}

Result<std::unique_ptr<ByteSource>> FileSource::open(const fs::Path& path) {
    fs::Fd fd = TRY(fs::open_file(path, O_RDONLY));
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    return std::unique_ptr<ByteSource>(new FileSource(std::move(fd), path));
}

Result<std::span<const std::byte>> FileSource::read() {
    while (true) {
        const ssize_t got = ::read(fd_.get(), buffer_.data(), buffer_.size());
        if (got < 0 && errno == EINTR) continue;
        if (got < 0) return errno_error(Errc::io, fmt::format("cannot read '{}'", path_.string()), errno);
        return std::span<const std::byte>(buffer_).first(static_cast<std::size_t>(got));
    }
}

Result<std::unique_ptr<ByteSource>> open_archive_bytes(const fs::Path& archive) {
    const std::string ending = archive.extension();
    if (ending == ".tar") return FileSource::open(archive);
    if (ending == ".gz") return std::unique_ptr<ByteSource>(new GzipSource(TRY(FileSource::open(archive)), archive));
    return Error{.code = Errc::unsupported,
                 .message = fmt::format("archive '{}' is compressed with something else than gzip", archive.string()),
                 .hint = "Take the backup with pg_basebackup --compress=gzip, or decompress it first."};
}

}  // namespace polygon::backup
