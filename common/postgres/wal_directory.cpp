#include "common/postgres/wal_directory.h"

#include <algorithm>

#include <fmt/format.h>

#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

constexpr std::size_t kTimelineDigits = 8;
constexpr std::size_t kSegmentDigits = 24;  // PostgreSQL src/include/access/xlog_internal.h, XLOG_FNAME_LEN

bool is_hexadecimal(std::string_view text) {
    return text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

bool is_segment(std::string_view name) {
    return name.size() == kSegmentDigits && is_hexadecimal(name);
}

bool is_history(std::string_view name) {
    return name.size() > kTimelineDigits && is_hexadecimal(name.substr(0, kTimelineDigits)) &&
           name.substr(kTimelineDigits) == ".history";
}

Result<std::vector<stdfs::directory_entry>> list(const Path& directory) {
    std::vector<stdfs::directory_entry> entries;
    std::error_code error;
    stdfs::directory_iterator entry(directory, error);
    for (const stdfs::directory_iterator end; !error && entry != end; entry.increment(error))
        entries.push_back(*entry);
    if (error) return errno_error(Errc::io, fmt::format("cannot list '{}'", directory.string()), error.value());
    return entries;
}

Status remove(const stdfs::directory_entry& entry) {
    std::error_code error;
    const bool is_directory = entry.symlink_status(error).type() == stdfs::file_type::directory;
    return is_directory ? fs::remove_tree(entry.path()) : fs::remove_file(entry.path());
}

// A server makes a new segment under the second name, of zeros.
bool is_kept(const stdfs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    std::error_code error;
    const stdfs::file_type type = entry.symlink_status(error).type();
    if (type == stdfs::file_type::directory) return name == "archive_status" || name == "summaries";
    return type == stdfs::file_type::regular && (is_segment(name) || name.starts_with("xlogtemp.") || is_history(name));
}

bool is_status(const stdfs::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    std::error_code error;
    return entry.symlink_status(error).type() == stdfs::file_type::regular && entry.file_size(error) == 0 &&
           (name.ends_with(".ready") || name.ends_with(".done"));
}

}  // namespace

Status remove_foreign_wal(const Path& data_directory) {
    const Path directory = data_directory / "pg_wal";
    for (const stdfs::directory_entry& entry : TRY(list(directory))) {
        if (!is_kept(entry)) TRY(remove(entry));
    }
    std::error_code error;
    if (!stdfs::exists(directory / "archive_status", error)) return {};
    for (const stdfs::directory_entry& entry : TRY(list(directory / "archive_status"))) {
        if (!is_status(entry)) TRY(remove(entry));
    }
    return {};
}

Result<std::vector<std::string>> find_older_segments(const Path& data_directory, const std::string& segment) {
    std::vector<std::string> names;
    for (const stdfs::directory_entry& entry : TRY(list(data_directory / "pg_wal"))) {
        const std::string name = entry.path().filename().string();
        const bool is_of_timeline = name.starts_with(segment.substr(0, kTimelineDigits));
        if (is_segment(name) && (!is_of_timeline || name < segment)) names.push_back(name);
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace polygon::postgres
