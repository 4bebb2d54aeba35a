#include "bootstrap/restore/sources/arriving_files.h"

#include <array>
#include <cerrno>

#include <fcntl.h>
#include <poll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

constexpr std::uint32_t kWatched = IN_CLOSE_WRITE | IN_CREATE | IN_MOVED_TO | IN_ONLYDIR | IN_DONT_FOLLOW;
constexpr std::size_t kReadBytes = 1U << 20;
constexpr int kWriteBackMilliseconds = 200;
constexpr const char* kWalDirectory = "pg_wal";

bool is_same_moment(const timespec& left, const timespec& right) {
    return left.tv_sec == right.tv_sec && left.tv_nsec == right.tv_nsec;
}

// Nothing if it cannot be read to its end: then it is read again later, by who reports errors.
std::optional<std::string> read_checksum(const fs::Fd& file, backup::ChecksumAlgorithm algorithm) {
    backup::Checksum checksum(algorithm);
    std::vector<std::byte> buffer(kReadBytes);
    while (true) {
        const ssize_t got = ::read(file.get(), buffer.data(), buffer.size());
        if (got == 0) return checksum.finish();
        if (got < 0 && errno != EINTR) return std::nullopt;
        if (got > 0) checksum.update(std::span(buffer).first(static_cast<std::size_t>(got)));
    }
}

}  // namespace

ArrivingFiles::ArrivingFiles(std::vector<fs::Path> roots, backup::ChecksumAlgorithm algorithm)
    : algorithm_(algorithm),
      events_(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC)),
      finish_(::eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC)) {
    if (!events_.is_open() || !finish_.is_open()) return;
    for (const fs::Path& root : roots)
        watch(root);
    thread_ = std::thread([this] { watch_until_finished(); });
}

ArrivingFiles::~ArrivingFiles() {
    finish();
}

void ArrivingFiles::finish() {
    if (!thread_.joinable()) return;
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(finish_.get(), &one, sizeof one);
    thread_.join();
}

void ArrivingFiles::watch_until_finished() {
    std::array<pollfd, 2> fds = {pollfd{events_.get(), POLLIN, 0}, pollfd{finish_.get(), POLLIN, 0}};
    while (fds[1].revents == 0) {
        if (::poll(fds.data(), fds.size(), kWriteBackMilliseconds) < 0 && errno != EINTR) return;
        take_events();
        begin_write_back();
    }
}

void ArrivingFiles::take_events() {
    alignas(inotify_event) std::array<char, 65536> buffer;
    while (true) {
        const ssize_t got = ::read(events_.get(), buffer.data(), buffer.size());
        if (got <= 0) return;  // EAGAIN: there are no more for now
        for (const char* at = buffer.data(); at < buffer.data() + got;) {
            const auto* event = reinterpret_cast<const inotify_event*>(at);
            at += sizeof(inotify_event) + event->len;
            const auto directory = watched_.find(event->wd);
            if (directory == watched_.end() || event->len == 0) continue;
            const fs::Path path = directory->second / event->name;
            if ((event->mask & IN_ISDIR) != 0) {
                watch(path);
            } else if ((event->mask & IN_CREATE) != 0) {
                growing_ = path;
            } else if ((event->mask & (IN_CLOSE_WRITE | IN_MOVED_TO)) != 0) {
                read(path);
            }
        }
    }
}

// The kernel by itself waits for seconds, or until a tenth of the memory is dirty, while the disk has nothing to do.
void ArrivingFiles::begin_write_back() {
    const fs::Fd file(::open(growing_.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    if (file.is_open()) ::sync_file_range(file.get(), 0, 0, SYNC_FILE_RANGE_WRITE);
}

// What was made in it before it was watched is looked for; a file that is still being written then is read once more
// when it is closed.
void ArrivingFiles::watch(const fs::Path& directory) {
    if (directory.filename() == kWalDirectory) return;
    const int number = ::inotify_add_watch(events_.get(), directory.c_str(), kWatched);
    if (number < 0) return;
    watched_[number] = directory;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error), end; !error && entry != end; entry.increment(error)) {
        const stdfs::file_type type = entry->symlink_status(error).type();
        if (type == stdfs::file_type::directory) watch(entry->path());
        if (type == stdfs::file_type::regular) read(entry->path());
    }
}

void ArrivingFiles::read(const fs::Path& path) {
    const fs::Fd file(::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
    struct stat found = {};
    if (!file.is_open() || ::fstat(file.get(), &found) != 0 || !S_ISREG(found.st_mode)) return;
    seen_[{found.st_dev, found.st_ino}] = {.size_bytes = found.st_size,
                                           .changed = found.st_ctim,
                                           .checksum_hex = read_checksum(file, algorithm_).value_or("")};
}

std::optional<std::string> ArrivingFiles::checksum_of(const fs::Path& path, backup::ChecksumAlgorithm algorithm) const {
    struct stat found = {};
    if (algorithm != algorithm_ || ::lstat(path.c_str(), &found) != 0) return std::nullopt;
    const auto at = seen_.find({found.st_dev, found.st_ino});
    if (at == seen_.end() || at->second.checksum_hex.empty()) return std::nullopt;
    const Seen& seen = at->second;
    if (seen.size_bytes != found.st_size || !is_same_moment(seen.changed, found.st_ctim)) return std::nullopt;
    return seen.checksum_hex;
}

}  // namespace polygon::bootstrap
