#include "bootstrap/restore/commands/leftover.h"

#include <cerrno>
#include <filesystem>
#include <vector>

#include <fcntl.h>
#include <fmt/format.h>
#include <unistd.h>

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;

Error failure(std::string_view action, const fs::Path& path, int reason) {
    return errno_error(Errc::io, fmt::format("cannot {} '{}'", action, path.string()), reason);
}

bool has(const fs::Path& directory, std::string_view name) {
    std::error_code ignored;
    return stdfs::exists(stdfs::symlink_status(directory / name, ignored));
}

// A restore that had everything in place and was killed while it took its marks off. Its links say which
// directories are its own.
Status mark_tablespaces_again(const fs::Path& data_directory) {
    std::error_code error;
    for (stdfs::directory_iterator entry(data_directory / "pg_tblspc", error);
         !error && entry != stdfs::directory_iterator(); entry.increment(error)) {
        if (entry->is_symlink(error) && entry->is_directory(error)) TRY(mark_incomplete(entry->path()));
    }
    const bool is_absent = error == std::errc::no_such_file_or_directory;
    if (error && !is_absent) return failure("read", data_directory / "pg_tblspc", error.value());
    return {};
}

}  // namespace

// Not by way of a second file and rename(2): a kill in between would leave one that nobody knows.
Status mark_incomplete(const fs::Path& directory) {
    const fs::Path mark = directory / kIncompleteMark;
    fs::Fd fd = TRY(fs::open_file(mark, O_WRONLY | O_CREAT | O_NOFOLLOW));
    constexpr std::string_view kText =
        "polygon-bootstrap restore has not come to its end here. It removes this directory's content when it is "
        "repeated.\n";
    TRY(fs::write_all(fd, std::as_bytes(std::span(kText)), mark.string()));
    if (::fsync(fd.get()) != 0) return failure("flush", mark, errno);
    TRY(fs::close_written(std::move(fd), mark.string()));
    return fs::flush_directory(directory);
}

Status take_mark_off(const fs::Path& directory) {
    return fs::remove_file(directory / kIncompleteMark);
}

// With pg_control everything is there, and only the mark had not been taken off yet. PostgreSQL renames backup_label
// when it recovers (xlogrecovery.c, read_backup_label and its caller): while it is there, nobody's work is lost.
bool is_leftover(const fs::Path& directory) {
    if (!has(directory, kIncompleteMark)) return false;
    if (!has(directory, "global/pg_control")) return true;
    return has(directory, "backup_label") && !has(directory, "postmaster.pid");
}

Status remove_leftover(const fs::Path& directory) {
    if (has(directory, "global/pg_control")) TRY(mark_tablespaces_again(directory));
    TRY(fs::remove_tree(directory / "global"));
    std::vector<fs::Path> entries;
    std::error_code error;
    for (stdfs::directory_iterator entry(directory, error); !error && entry != stdfs::directory_iterator();
         entry.increment(error)) {
        if (entry->path().filename() != kIncompleteMark) entries.push_back(entry->path());
    }
    if (error) return failure("read", directory, error.value());
    for (const fs::Path& entry : entries)
        TRY(fs::remove_tree(entry));
    return {};
}

}  // namespace polygon::bootstrap
