#include "common/backup/tablespaces.h"

#include <algorithm>
#include <charconv>
#include <filesystem>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

std::optional<std::uint32_t> parse_oid(std::string_view text) {
    std::uint32_t oid = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), oid);
    if (error != std::errc() || end != text.data() + text.size() || oid == 0) return std::nullopt;
    return oid;
}

bool is_beneath(const fs::Path& path, const fs::Path& directory) {
    const fs::Path relative = path.lexically_normal().lexically_relative(directory.lexically_normal());
    return !relative.empty() && *relative.begin() != "..";
}

Error misplaced(const std::string& production_path, const fs::Path& here, std::string_view reason) {
    return {.code = Errc::configuration,
            .message = fmt::format("tablespace '{}' cannot go to '{}': {}", production_path, here.string(), reason),
            .hint = "Give each tablespace an empty directory of its own, outside the data directory."};
}

}  // namespace

// PostgreSQL xlogrecovery.c, read_tablespace_map: a backslash takes the next character literally, line ends too.
Result<std::map<std::uint32_t, std::string>> parse_tablespace_map(std::string_view text) {
    std::map<std::uint32_t, std::string> map;
    std::string line;
    bool is_escaped = false;
    for (const char c : text) {
        if (!is_escaped && c == '\\') {
            is_escaped = true;
            continue;
        }
        if (is_escaped || (c != '\n' && c != '\r')) {
            line += c;
            is_escaped = false;
            continue;
        }
        if (line.empty()) continue;
        const std::size_t space = line.find(' ');
        const auto oid = parse_oid(std::string_view(line).substr(0, space));
        if (!oid || space == std::string::npos || space + 1 == line.size()) {
            return Error{.code = Errc::backup_corrupt,
                         .message = fmt::format("tablespace_map has the line '{}'", printable(line)),
                         .hint = std::string(kCopyAgain)};
        }
        map[*oid] = line.substr(space + 1);
        line.clear();
    }
    return map;
}

std::optional<std::uint32_t> tablespace_of_link(std::string_view path) {
    constexpr std::string_view kPrefix = "pg_tblspc/";
    if (!path.starts_with(kPrefix)) return std::nullopt;
    return parse_oid(path.substr(kPrefix.size()));
}

Status require_archive(const Backup& backup, std::uint32_t oid, const std::string& production_path) {
    const bool has_archive = std::any_of(backup.archives.begin(), backup.archives.end(),
                                         [oid](const Archive& archive) { return archive.tablespace_oid == oid; });
    if (has_archive) return {};
    const bool is_tar = backup.format == Format::tar;
    return Error{
        .code = Errc::backup_incomplete,
        .message = fmt::format("backup '{}' is incomplete: no {} of tablespace {} ('{}')", backup.label,
                               is_tar ? fmt::format("archive '{}.tar'", oid) : fmt::format("link 'pg_tblspc/{}'", oid),
                               oid, printable(production_path)),
        .hint = std::string(kCopyAgain)};
}

Result<std::size_t> count_entries(const fs::Path& directory, const std::function<bool(std::string_view)>& is_ignored) {
    std::error_code error;
    std::filesystem::directory_iterator entry(directory, error);
    if (error == std::errc::no_such_file_or_directory) return std::size_t{0};
    std::size_t count = 0;
    for (; !error && entry != std::filesystem::directory_iterator(); entry.increment(error)) {
        if (!is_ignored || !is_ignored(entry->path().filename().string())) ++count;
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", directory.string()), error.value());
    return count;
}

Result<fs::Path> Tablespaces::choose(const std::string& production_path) const {
    const auto found = request_.tablespaces.find(production_path);
    if (found == request_.tablespaces.end()) {
        return Error{.code = Errc::configuration,
                     .message = fmt::format("tablespace '{}' of backup '{}' has no place here",
                                            printable(production_path), request_.backup.label),
                     .hint = fmt::format("Add \"tablespaces: {{{}: /where/here}}\" to the polygon section.",
                                         printable(production_path))};
    }
    const fs::Path& here = found->second;
    if (!here.is_absolute()) return misplaced(production_path, here, "not an absolute path");
    fs::Path place = here.string() + request_.tablespace_suffix;
    if (is_beneath(place, request_.data_directory))
        return misplaced(production_path, place, "it is in the data directory");
    for (const auto& [oid, other] : placed_) {
        if (is_beneath(place, other.path) || is_beneath(other.path, place)) {
            return misplaced(production_path, place, fmt::format("tablespace '{}' goes there", other.production_path));
        }
    }
    return place;
}

Status Tablespaces::place(std::uint32_t oid, const std::string& production_path) {
    const std::lock_guard lock(mutex_);
    if (placed_.contains(oid)) return {};
    const fs::Path here = TRY(choose(production_path));
    if (const std::size_t entries = TRY(count_entries(here, request_.may_be_there)); entries > 0) {
        return Error{.code = Errc::data_directory_occupied,
                     .message = fmt::format("directory '{}' for tablespace '{}' is not empty ({} entries)",
                                            here.string(), production_path, entries),
                     .hint = "Move it away, or choose another place for the tablespace."};
    }
    targets_[oid] = TRY(Target::open(here));
    placed_.emplace(oid, Tablespace{.oid = oid, .production_path = production_path, .path = here});
    return {};
}

void Tablespaces::note_mapped(std::uint32_t oid) {
    const std::lock_guard lock(mutex_);
    named_.insert(oid);
}

void Tablespaces::note_link(std::uint32_t oid, const std::string& production_path) {
    const std::lock_guard lock(mutex_);
    links_[oid] = production_path;
    named_.insert(oid);
}

void Tablespaces::note_directory(std::uint32_t oid) {
    const std::lock_guard lock(mutex_);
    named_.insert(oid);
}

Status Tablespaces::check_archives() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [oid, production_path] : links_)
        TRY(require_archive(request_.backup, oid, production_path));
    for (const Archive& archive : request_.backup.archives) {
        if (archive.kind != Archive::Kind::tablespace || named_.contains(archive.tablespace_oid)) continue;
        return Error{
            .code = Errc::backup_corrupt,
            .message = fmt::format("backup '{}' holds '{}', but neither its tablespace_map nor its base "
                                   "archive names tablespace {}",
                                   request_.backup.label, archive.path.filename().string(), archive.tablespace_oid),
            .hint = "Remove the archive if it does not belong to the backup, or copy the backup again."};
    }
    return {};
}

Status Tablespaces::place_links() {
    const auto links = [this] {
        const std::lock_guard lock(mutex_);
        return links_;
    }();
    for (const auto& [oid, production_path] : links)
        TRY(place(oid, production_path));
    return {};
}

void Tablespaces::settle() {
    const std::lock_guard lock(mutex_);
    is_settled_ = true;
    is_settled_changed_.notify_all();
}

void Tablespaces::wait_until_settled() {
    std::unique_lock lock(mutex_);
    is_settled_changed_.wait(lock, [&] { return is_settled_; });
}

std::optional<fs::Path> Tablespaces::find(std::uint32_t oid) const {
    const std::lock_guard lock(mutex_);
    const auto found = placed_.find(oid);
    if (found == placed_.end()) return std::nullopt;
    return found->second.path;
}

std::vector<Tablespace> Tablespaces::placed() const {
    const std::lock_guard lock(mutex_);
    std::vector<Tablespace> list;
    for (const auto& [oid, tablespace] : placed_)
        list.push_back(tablespace);
    return list;
}

Status Tablespaces::link_from(Target& data_directory) const {
    for (const Tablespace& tablespace : placed()) {
        TRY(data_directory.create_link(fmt::format("pg_tblspc/{}", tablespace.oid), tablespace.path));
    }
    return {};
}

Status Tablespaces::flush() const {
    const std::lock_guard lock(mutex_);
    for (const auto& [oid, target] : targets_)
        TRY(target->flush());
    return {};
}

}  // namespace polygon::backup
