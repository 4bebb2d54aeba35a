// Whole files and durable changes of directories. Paths are absolute; errors are Errc::io and name the path.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/fs/fd.h"

namespace polygon::fs {

using Path = std::filesystem::path;

Result<Fd> open_file(const Path& path, int flags, mode_t mode = 0600);
Result<std::string> read_file(const Path& path);

// Only what is not there is absent: a file that cannot be read, or of which the disk does not say whether it is there,
// is an error. Both follow links but for the last component in is_there().
Result<std::optional<std::string>> read_file_if_there(const Path& path);
Result<bool> is_there(const Path& path);
// Whether it is a symbolic link; false if nothing is there.
Result<bool> is_link(const Path& path);

// Replaces `path` as a whole: written beside it, flushed, renamed over it, the directory flushed. After a crash either
// the old or the new content is there.
Status write_file_durably(const Path& path, std::string_view content, mode_t mode = 0600);

// The same without flushing: a reader finds the old or the new content, a crash may lose both.
Status replace_file(const Path& path, std::string_view content, mode_t mode = 0600);

// rename(2), then both directories flushed.
Status rename_durably(const Path& from, const Path& to);

// unlink(2) and flush; a file that is not there is no error.
Status remove_file(const Path& path);

// Everything below and the directory itself, links unfollowed; nothing there is no error.
Status remove_tree(const Path& directory);
// The same, and this entry of it after all others: as long as it is there, the removal has not come to its end.
Status remove_tree_with_last(const Path& directory, const std::string& entry);

Status flush_directory(const Path& directory);

// Flushes the whole file system that holds `path` (syncfs).
Status flush_filesystem(const Path& path);

// Points the symbolic link `link` at `target`, atomically if it exists already.
Status replace_link(const Path& link, const Path& target);

// Whether another file system is mounted on this directory.
bool is_mount_point(const Path& directory);

}  // namespace polygon::fs
