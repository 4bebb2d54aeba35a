#include "bootstrap/restore/files/carried_files.h"

#include <algorithm>
#include <array>
#include <filesystem>
#include <numeric>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "bootstrap/restore/files/postgres_files.h"
#include "common/base/printable.h"

namespace polygon::bootstrap {
namespace {

// Server logs, with statements and rows; configuration; pg_upgrade's and a file system's own folder.
constexpr std::array<std::string_view, 7> kUselessFolders = {
    "log", "logs", "pg_log", "conf.d", "postgresql.conf.d", "pg_upgrade_output.d", "lost+found"};

// Names of files that a bootstrap writes itself, or that Patroni would obey.
constexpr std::array<std::string_view, 5> kOwnPrefixes = {"postgresql.", "pg_hba.conf", "pg_ident.conf",
                                                          "patroni.dynamic.json", "polygon."};

constexpr std::size_t kMostLines = 200;

Error refused(std::string_view key, const std::string& origin, const std::string& entry, std::string_view why) {
    return {Errc::configuration, fmt::format("polygon.{} ({}) names '{}', {}", key, origin, printable(entry), why),
            "Take it out."};
}

Error unknown_folders(const std::set<std::string>& folders) {
    std::vector<std::string> quoted;
    for (const std::string& folder : folders)
        quoted.push_back(fmt::format("'{}'", printable(folder.substr(0, folder.size() - 1))));
    const bool is_one = quoted.size() == 1;
    return {Errc::configuration,
            fmt::format("the backup holds the {} {}, which {} not PostgreSQL's own, and nothing says whether the clone "
                        "needs {}",
                        is_one ? "folder" : "folders", fmt::join(quoted, ", "), is_one ? "is" : "are",
                        is_one ? "it" : "them"),
            "Name each in polygon.files.keep (an extension keeps data there) or in polygon.files.exclude."};
}

bool is_replaced(std::string_view path) {
    if (path.find('/') != std::string_view::npos) return false;
    return std::any_of(kOwnPrefixes.begin(), kOwnPrefixes.end(),
                       [&](std::string_view prefix) { return path.starts_with(prefix); });
}

bool is_transient(const std::string& path) {
    return provenance_of(path) == Provenance::transient || provenance_of(path + "/x") == Provenance::transient;
}

// "orioledb_data" of "orioledb_data/5/1"; nothing for a file in a folder of PostgreSQL's own, or at the top.
std::string_view foreign_folder_of(std::string_view path, int major_version) {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        if (provenance_of(path.substr(0, slash), major_version) == Provenance::foreign) return path.substr(0, slash);
    }
    return {};
}

// In pg_wal there is nothing but WAL that a clone could need; tools keep there what they have fetched ahead.
bool is_useless(std::string_view folder) {
    const std::size_t slash = folder.rfind('/');
    if (slash == std::string_view::npos)
        return std::find(kUselessFolders.begin(), kUselessFolders.end(), folder) != kUselessFolders.end();
    return folder.starts_with("pg_wal/") || folder.substr(slash + 1) == "lost+found";
}

// The file that an incremental backup's "INCREMENTAL.16384" becomes a part of.
std::string combined_path(std::string_view path) {
    constexpr std::string_view kPrefix = "INCREMENTAL.";
    const std::size_t name = path.rfind('/') + 1;
    if (!path.substr(name).starts_with(kPrefix)) return std::string(path);
    return std::string(path.substr(0, name)).append(path.substr(name + kPrefix.size()));
}

bool is_at_or_below(std::string_view path, std::string_view folder) {
    return path.starts_with(folder) && (path.size() == folder.size() || path[folder.size()] == '/');
}

}  // namespace

Result<FileRules> FileRules::make(const patroni::FileSettings& settings) {
    FileRules rules;
    rules.keep_origin_ = settings.keep.origin;
    for (const std::string& entry : settings.keep.value) {
        if (is_replaced(entry) || is_transient(entry))
            return refused("files.keep", settings.keep.origin, entry, "which a clone must not have of production");
        rules.said_[entry] = Said::keep;
    }
    for (const std::string& entry : settings.exclude.value) {
        if (provenance_of(entry) == Provenance::data)
            return refused("files.exclude", settings.exclude.origin, entry, "which PostgreSQL needs");
        if (!rules.said_.emplace(entry, Said::exclude).second)
            return refused("files.exclude", settings.exclude.origin, entry, "as files.keep does");
    }
    return rules;
}

// The nearest entry above it decides.
FileRules::Said FileRules::said_of(std::string_view path) const {
    while (!said_.empty()) {
        if (const auto found = said_.find(path); found != said_.end()) return found->second;
        const std::size_t slash = path.rfind('/');
        if (slash == std::string_view::npos) break;
        path = path.substr(0, slash);
    }
    return Said::nothing;
}

Fate FileRules::fate_of(std::string_view path) const {
    const Said said = said_of(path);
    const Provenance provenance = provenance_of(path, major_version_);
    if (said == Said::exclude) return Fate::excluded;
    // To keep what an extension has in a folder of PostgreSQL's is not to keep what a server has there for itself.
    if (said == Said::keep && provenance == Provenance::foreign) return Fate::carried;
    switch (provenance) {
        case Provenance::data:
            return Fate::carried;
        case Provenance::transient:
            return Fate::dropped;
        case Provenance::foreign:
            break;
    }
    const std::string_view folder = foreign_folder_of(path, major_version_);
    return folder.empty() || is_useless(folder) ? Fate::excluded : Fate::unknown;
}

std::string FileRules::entry_of(std::string_view path) const {
    for (std::size_t slash = path.find('/'); slash != std::string_view::npos; slash = path.find('/', slash + 1)) {
        const std::string_view folder = path.substr(0, slash);
        const auto said = said_.find(folder);
        const bool is_excluded = said != said_.end() && said->second == Said::exclude;
        if (is_excluded || provenance_of(folder, major_version_) == Provenance::foreign)
            return std::string(folder) + "/";
    }
    return std::string(path);
}

Status FileRules::require_kept(const fs::Path& data_directory) const {
    for (const auto& [entry, said] : said_) {
        std::error_code error;
        if (said != Said::keep || std::filesystem::exists(data_directory / entry, error)) continue;
        return Error{Errc::backup_incomplete,
                     fmt::format("polygon.files.keep ({}) names '{}', which the backup does not hold", keep_origin_,
                                 printable(entry)),
                     "Correct the entry, take it out, or take a backup that has it."};
    }
    return {};
}

std::vector<std::string> FileRules::not_in(const backup::Manifest& manifest) const {
    std::set<std::string> entries;
    for (const auto& [entry, said] : said_) {
        if (said == Said::keep) entries.insert(entry);
    }
    for (const backup::ManifestFile& file : manifest.files) {
        if (entries.empty()) break;
        std::erase_if(entries, [&](const std::string& entry) { return is_at_or_below(file.path, entry); });
    }
    return {entries.begin(), entries.end()};
}

Status ExcludedFiles::note(std::string_view path) {
    const Fate fate = rules_.fate_of(path);
    if (fate == Fate::unknown) return unknown_folders({rules_.entry_of(path)});
    if (fate == Fate::excluded) ++entries_[rules_.entry_of(path)];
    return {};
}

Status ExcludedFiles::note_all(const backup::Manifest& manifest) {
    std::set<std::string> unknown;
    for (const backup::ManifestFile& file : manifest.files) {
        const std::string path = combined_path(file.path);
        if (rules_.fate_of(path) == Fate::unknown) {
            unknown.insert(rules_.entry_of(path));
        } else {
            TRY(note(path));
        }
    }
    return unknown.empty() ? Status() : unknown_folders(unknown);
}

std::uint64_t ExcludedFiles::count() const {
    return std::accumulate(entries_.begin(), entries_.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const auto& entry) { return sum + entry.second; });
}

std::vector<std::string> ExcludedFiles::lines() const {
    std::vector<std::string> lines;
    for (const auto& [entry, files] : entries_) {
        if (lines.size() == kMostLines) {
            lines.push_back(fmt::format("and {} more", entries_.size() - kMostLines));
            break;
        }
        lines.push_back(!entry.ends_with('/') ? entry
                                              : fmt::format("{} ({} file{})", entry, files, files == 1 ? "" : "s"));
    }
    return lines;
}

}  // namespace polygon::bootstrap
