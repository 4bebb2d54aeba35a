#include "bootstrap/restore/destination.h"

#include <algorithm>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

Error failure(std::string_view action, const fs::Path& path, int reason) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), reason);
}

Result<std::vector<fs::Path>> list(const fs::Path& directory) {
    std::vector<fs::Path> entries;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error); !error && entry != stdfs::directory_iterator();
         entry.increment(error)) {
        entries.push_back(entry->path());
    }
    if (error) return failure("read", directory, error.value());
    return entries;
}

}  // namespace

Result<Destination> Destination::take(const fs::Path& directory) {
    Destination destination(directory);
    Status taken = destination.make_missing();
    if (taken) taken = destination.lock();
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
    if (const auto entries = TRY(list(directory_)); !entries.empty()) {
        return Error{Errc::data_directory_occupied,
                     fmt::format("directory '{}' is not empty ({} entries)", directory_.string(), entries.size()),
                     "Name a directory that is empty or does not exist."};
    }
    return {};
}

// Only what is empty goes: a parent may have got other entries meanwhile.
void Destination::remove_made() const {
    for (auto path = made_.rbegin(); path != made_.rend(); ++path)
        ::rmdir(path->c_str());
}

void Destination::settle() const {
    remove_made();
}

// pg_control first: no half of it can be started, whatever interrupts this.
Status Destination::put_back() const {
    TRY(fs::remove_tree(directory_ / "global"));
    for (const fs::Path& entry : TRY(list(directory_)))
        TRY(fs::remove_tree(entry));
    if (::fchmod(lock_.get(), mode_) != 0) return failure("set the mode of", directory_, errno);
    remove_made();
    return {};
}

}  // namespace polygon::bootstrap
