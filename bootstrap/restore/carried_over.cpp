#include "bootstrap/restore/carried_over.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/fs/file.h"

namespace polygon::bootstrap {
namespace {

// Patroni's sources name those that bite: patroni/postgresql/config.py, patroni/config.py. The rest is what a running
// server keeps beside its data: signals to it, its lock and its options, and what it has used up.
constexpr std::array<std::string_view, 11> kLeftOutFiles = {"promote",       "fallback_promote", "trigger_file",
                                                            "logrotate",     "current_logfiles", "current_logfiles.tmp",
                                                            "polygon.json",  "backup_label.old", "tablespace_map.old",
                                                            "recovery.conf", "recovery.done"};

// At the top, with whatever comes behind: an editor's and a package's copies, PostgreSQL's and Patroni's temporary
// files.
constexpr std::array<std::string_view, 7> kLeftOutPrefixes = {
    "postgresql.", "pg_hba.conf", "pg_ident.conf", "recovery.conf", "patroni.dynamic.json", "postmaster.", ".s.PGSQL."};

constexpr std::array<std::string_view, 3> kLeftOutEndings = {".conf", ".backup", ".signal"};

// The first two hold production's server logs, with statements and rows. The last five pg_basebackup leaves out too
// (excludeDirContents, src/backend/backup/basebackup.c): a copy of the file system has production's notifications,
// exported snapshots and shared memory there. Not pg_logical: what it has of replication origins is a part of the data,
// and the rest PostgreSQL removes when there are no slots.
constexpr std::array<std::string_view, 11> kLeftOutFolders = {
    "log/",         "pg_log/",    "conf.d/",    "pg_replslot/",  "pg_stat/",    "pg_stat_tmp/",
    "pg_dynshmem/", "pg_notify/", "pg_serial/", "pg_snapshots/", "pg_subtrans/"};

// initdb's (src/bin/initdb/initdb.c), and those of older versions.
constexpr std::array<std::string_view, 19> kOwnFolders = {
    "base",      "global",      "pg_clog",   "pg_commit_ts", "pg_dynshmem", "pg_logical",  "pg_multixact",
    "pg_notify", "pg_replslot", "pg_serial", "pg_snapshots", "pg_stat",     "pg_stat_tmp", "pg_subtrans",
    "pg_tblspc", "pg_twophase", "pg_wal",    "pg_xact",      "pg_xlog"};

constexpr const char* kBar =
    "# This clone of production is not finished: polygon-bootstrap was restoring or sanitising it.\n"
    "# The next line keeps PostgreSQL and Patroni from starting it; the next bootstrap removes it.\n"
    "polygon-bootstrap has not finished here\n";

// Patroni makes the slot of a replica a moment after the replica first asks for it, and 5 s pass until it asks again.
constexpr const char* kOwnConfiguration =
    "# Written by polygon-bootstrap. Nothing of production's configuration is here: Patroni's rules.\n"
    "wal_retrieve_retry_interval = '500ms'\n";

constexpr const char* kOwnAccess =
    "# Written by polygon-bootstrap, for where Patroni's configuration sets no postgresql.pg_hba.\n"
    "local all all scram-sha-256\n"
    "host all all samenet scram-sha-256\n"
    "host replication all samenet scram-sha-256\n";

// postgresql.auto.conf is read last. None of these is among the parameters that Patroni gives on the command line
// (patroni/postgresql/config.py CMDLINE_OPTIONS).
constexpr const char* kRestraints =
    "# Written by polygon-bootstrap, emptied by polygon-post-bootstrap.\n"
    "archive_mode = 'off'\n"
    "max_logical_replication_workers = '0'\n"
    "shared_preload_libraries = ''\n"
    "session_preload_libraries = ''\n"
    "local_preload_libraries = ''\n"
    "wal_recycle = 'off'\n"  // production's WAL goes with a checkpoint
    "wal_keep_size = '0'\n";
constexpr const char* kRestraintsSince17 =
    "event_triggers = 'off'\n"
    "sync_replication_slots = 'off'\n";

constexpr std::uintmax_t kLargestKeyFile = 64 * 1024;
constexpr int kDeepestFolder = 16;
constexpr std::string_view kKeyHeader = "PRIVATE KEY-----";  // of PEM, whatever stands before it (RFC 7468)

// A directory may have such a name and ".d" behind it: of what is in it, include directives tell.
bool is_left_out_at_top(std::string_view name) {
    if (std::find(kLeftOutFiles.begin(), kLeftOutFiles.end(), name) != kLeftOutFiles.end()) return true;
    const auto starts = [&](std::string_view prefix) { return name.starts_with(prefix); };
    const auto ends = [&](std::string_view ending) { return name.ends_with(ending); };
    return std::any_of(kLeftOutEndings.begin(), kLeftOutEndings.end(), ends) ||
           (!name.ends_with(".d") && std::any_of(kLeftOutPrefixes.begin(), kLeftOutPrefixes.end(), starts));
}

// The regular files at the top and in folders that are not PostgreSQL's own, by path; links are not followed.
Result<std::vector<std::filesystem::path>> foreign_files(const std::filesystem::path& data_directory) {
    std::vector<std::filesystem::path> files;
    std::error_code error;
    std::filesystem::recursive_directory_iterator entry(data_directory, error);
    for (const std::filesystem::recursive_directory_iterator end; !error && entry != end; entry.increment(error)) {
        const bool is_own = entry.depth() == 0 && is_in_own_folder(entry->path().filename().string());
        if (is_own || entry.depth() >= kDeepestFolder) entry.disable_recursion_pending();
        if (entry->symlink_status(error).type() == std::filesystem::file_type::regular) files.push_back(entry->path());
    }
    if (error) return errno_error(Errc::io, fmt::format("cannot list '{}'", data_directory.string()), error.value());
    std::sort(files.begin(), files.end());
    return files;
}

// libpq's, and what Patroni writes for itself is called so too.
bool is_password_file(std::string_view name) {
    return name.starts_with(".pgpass") || name.starts_with("pgpass");
}

}  // namespace

bool is_in_own_folder(std::string_view path) {
    return std::find(kOwnFolders.begin(), kOwnFolders.end(), path.substr(0, path.find('/'))) != kOwnFolders.end();
}

bool is_left_out(std::string_view path) {
    if (path.find('/') == std::string_view::npos) return is_left_out_at_top(path);
    return std::any_of(kLeftOutFolders.begin(), kLeftOutFolders.end(), [&](std::string_view folder) {
        return path.size() > folder.size() && path.starts_with(folder);
    });
}

bool is_configuration(std::string_view path) {
    if (path.find('/') == std::string_view::npos) return path.ends_with(".conf");
    return path.substr(0, path.find('/')) == kConfigurationFolder;
}

Status bar_start(const std::filesystem::path& data_directory) {
    return fs::write_file_durably(data_directory / "postgresql.conf", kBar);
}

Status write_own_configuration(const std::filesystem::path& data_directory) {
    TRY(fs::write_file_durably(data_directory / "postgresql.auto.conf", ""));
    TRY(fs::write_file_durably(data_directory / "pg_hba.conf", kOwnAccess));
    TRY(fs::write_file_durably(data_directory / "pg_ident.conf", ""));
    return fs::write_file_durably(data_directory / "postgresql.conf", kOwnConfiguration);
}

Status write_restraining_configuration(const std::filesystem::path& data_directory, int major_version) {
    TRY(write_own_configuration(data_directory));
    std::string restraints = kRestraints;
    if (major_version >= 17) restraints += kRestraintsSince17;
    return fs::write_file_durably(data_directory / "postgresql.auto.conf", restraints);
}

Status remove_statistics(const std::filesystem::path& data_directory) {
    for (const char* folder : {"pg_stat", "pg_stat_tmp"}) {
        std::error_code error;
        std::filesystem::directory_iterator entry(data_directory / folder, error);
        for (const std::filesystem::directory_iterator end; !error && entry != end; entry.increment(error))
            TRY(fs::remove_file(entry->path()));
        if (error && error != std::errc::no_such_file_or_directory) {
            return errno_error(Errc::io, fmt::format("cannot list '{}'", (data_directory / folder).string()),
                               error.value());
        }
    }
    return {};
}

Result<std::vector<std::string>> find_private_keys(const std::filesystem::path& data_directory) {
    std::vector<std::string> lines;
    for (const std::filesystem::path& file : TRY(foreign_files(data_directory))) {
        std::error_code error;
        if (std::filesystem::file_size(file, error) > kLargestKeyFile || error) continue;
        const std::string content = TRY(fs::read_file(file));
        if (content.find(kKeyHeader) == std::string::npos) continue;
        lines.push_back(fmt::format("file {}: a private key of production's, in the data directory",
                                    file.lexically_relative(data_directory).string()));
    }
    return lines;
}

Result<std::vector<std::string>> remove_password_files(const std::filesystem::path& data_directory) {
    std::vector<std::string> lines;
    for (const std::filesystem::path& file : TRY(foreign_files(data_directory))) {
        if (!is_password_file(file.filename().string())) continue;
        TRY(fs::remove_file(file));
        lines.push_back(fmt::format("file {}: passwords of production's, removed",
                                    file.lexically_relative(data_directory).string()));
    }
    return lines;
}

}  // namespace polygon::bootstrap
