#include "bootstrap/restore/commands/destination.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "bootstrap/restore/commands/leftover.h"
#include "common/base/log.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

Error failure(std::string_view action, const fs::Path& path, int reason) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), reason);
}

Result<std::size_t> count_entries(const fs::Path& directory) {
    std::size_t count = 0;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error); !error && entry != stdfs::directory_iterator();
         entry.increment(error)) {
        ++count;
    }
    if (error) return failure("read", directory, error.value());
    return count;
}

}  // namespace

Result<Destination> Destination::take(const fs::Path& directory) {
    Destination destination(directory);
    Status taken = destination.make_missing();
    if (taken) taken = destination.lock();
    if (taken) taken = destination.clear();
    if (taken) return destination;
    destination.remove_made();
    return std::move(taken).error();
}

Status Destination::make_missing() {
    std::vector<fs::Path> missing;
    for (fs::Path path = directory_; !stdfs::exists(stdfs::symlink_status(path)); path = path.parent_path())
        missing.push_back(path);
    for (auto path = missing.rbegin(); path != missing.rend(); ++path) {
        if (::mkdir(path->c_str(), 0700) == 0) {
            made_.push_back(*path);
        } else if (errno != EEXIST) {
            return failure("create", *path, errno);
        }
    }
    return {};
}

// Locked before it is looked at: of two restores into one empty directory the second must not clean up the first's.
Status Destination::lock() {
    lock_ = TRY(fs::open_file(directory_, O_RDONLY | O_DIRECTORY));
    if (::flock(lock_.get(), LOCK_EX | LOCK_NB) != 0) {
        if (errno != EWOULDBLOCK) return failure("lock", directory_, errno);
        return Error{Errc::conflict, fmt::format("another restore is filling '{}'", directory_.string()),
                     "Wait for its end, or name another directory."};
    }
    struct stat found = {};
    if (::fstat(lock_.get(), &found) != 0) return failure("read", directory_, errno);
    mode_ = found.st_mode & 07777;
    return {};
}

Status Destination::clear() {
    if (is_leftover(directory_)) {
        log_warning("removing what a restore left behind that did not come to its end",
                    {{"directory", directory_.string()}});
        TRY(remove_leftover(directory_));
    } else if (const std::size_t entries = TRY(count_entries(directory_)); entries > 0) {
        return Error{Errc::data_directory_occupied,
                     fmt::format("directory '{}' is not empty ({} entries)", directory_.string(), entries),
                     "Name a directory that is empty or does not exist."};
    }
    Status marked = mark_incomplete(directory_);
    if (!marked) ::unlink((directory_ / kIncompleteMark).c_str());
    return marked;
}

// Only what is empty goes: a parent may have got other entries meanwhile.
void Destination::remove_made() const {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path)
        ::rmdir(path->c_str());
}

Status Destination::settle() const {
    TRY(take_mark_off(directory_));
    remove_made();
    return {};
}

// The mark last: an interrupted removal is a leftover still.
Status Destination::put_back() const {
    TRY(remove_leftover(directory_));
    TRY(take_mark_off(directory_));
    TRY(set_mode_back());
    remove_made();
    return {};
}

// Only if it was changed: somebody else's directory keeps its mode, and does not let us set it.
Status Destination::set_mode_back() const {
    struct stat found = {};
    const bool is_known = ::fstat(lock_.get(), &found) == 0;
    if (is_known && (found.st_mode & 07777) == mode_) return {};
    if (::fchmod(lock_.get(), mode_) != 0) return failure("set the mode of", directory_, errno);
    return {};
}

}  // namespace polygon::bootstrap
