#include "common/backup/input/byte_source.h"

#include <cerrno>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

#include "common/backup/input/gzip_source.h"
#include "common/backup/input/lz4_source.h"
#include "common/backup/input/zstd_source.h"

namespace polygon::backup {
namespace {

constexpr std::size_t kBlockBytes = 512U << 10;

}  // namespace

FileSource::FileSource(fs::Fd fd, fs::Path path, Caching caching)
    : fd_(std::move(fd)), path_(std::move(path)), caching_(caching), pool_(kBlockBytes) {}

Result<std::unique_ptr<ByteSource>> FileSource::open(const fs::Path& path, Caching caching) {
    fs::Fd fd = TRY(fs::open_file(path, O_RDONLY));
    ::posix_fadvise(fd.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    if (caching == Caching::bypass && ::fcntl(fd.get(), F_SETFL, O_DIRECT) != 0) caching = Caching::use;
    return std::unique_ptr<ByteSource>(new FileSource(std::move(fd), path, caching));
}

void FileSource::stop_bypassing() {
    caching_ = Caching::use;
    ::fcntl(fd_.get(), F_SETFL, 0);
}

Result<Block> FileSource::read() {
    const BufferPool::Buffer buffer = pool_.take();
    while (true) {
        const ssize_t got = ::read(fd_.get(), buffer.bytes.data(), buffer.bytes.size());
        const bool is_refused = got < 0 && errno == EINVAL && caching_ == Caching::bypass;
        if (got < 0 && errno != EINTR && !is_refused) {
            return errno_error(Errc::io, fmt::format("cannot read '{}'", path_.string()), errno);
        }
        // Past the cache one reads from aligned positions only: a short read was the last one.
        const bool is_short = got >= 0 && static_cast<std::size_t>(got) < buffer.bytes.size();
        if (caching_ == Caching::bypass && (is_refused || is_short)) stop_bypassing();
        if (got >= 0) return buffer.first(static_cast<std::size_t>(got));
    }
}

Result<std::unique_ptr<ByteSource>> open_archive_bytes(const fs::Path& archive) {
    const std::string ending = archive.extension();
    const bool is_known = ending == ".tar" || ending == ".gz" || ending == ".zst" || ending == ".lz4";
    if (!is_known) {
        return Error{.code = Errc::unsupported,
                     .message = fmt::format("archive '{}' is compressed in an unknown way", archive.string()),
                     .hint = "Archives end in .tar, .tar.gz, .tar.lz4 or .tar.zst, as pg_basebackup names them."};
    }
    auto file = read_ahead(TRY(FileSource::open(archive, Caching::bypass)));
    if (ending == ".gz") return std::unique_ptr<ByteSource>(new GzipSource(std::move(file), archive));
    if (ending == ".zst") return std::unique_ptr<ByteSource>(new ZstdSource(std::move(file), archive));
    if (ending == ".lz4") return std::unique_ptr<ByteSource>(new Lz4Source(std::move(file), archive));
    return file;
}

}  // namespace polygon::backup
