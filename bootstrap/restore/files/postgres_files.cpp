#include "bootstrap/restore/files/postgres_files.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace polygon::bootstrap {
namespace {

using Names = std::vector<std::string_view>;

constexpr std::array<std::string_view, 3> kTopFiles = {"PG_VERSION", "backup_label", "tablespace_map"};

// A server's signals, locks and options, and what it has used up. Signal files would make the clone a standby of
// production.
constexpr std::array<std::string_view, 11> kTransientFiles = {
    "promote",          "fallback_promote",     "trigger_file",   "logrotate",
    "current_logfiles", "current_logfiles.tmp", "recovery.conf",  "recovery.done",
    "backup_label.old", "tablespace_map.old",   "backup_manifest"};

// pg_basebackup leaves their content out too (excludeDirContents, src/backend/backup/basebackup.c), but for pg_stat's,
// which has been counted on production's statements.
constexpr std::array<std::string_view, 8> kEmptiedFolders = {"pg_replslot", "pg_stat",   "pg_stat_tmp",  "pg_dynshmem",
                                                             "pg_notify",   "pg_serial", "pg_snapshots", "pg_subtrans"};

template <std::size_t size>
bool contains(const std::array<std::string_view, size>& names, std::string_view name) {
    return std::find(names.begin(), names.end(), name) != names.end();
}

Provenance data_if(bool is_data) {
    return is_data ? Provenance::data : Provenance::foreign;
}

Names split(std::string_view path) {
    Names names;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        names.push_back(path.substr(0, slash));
        path.remove_prefix(std::min(path.size(), slash == std::string_view::npos ? path.size() : slash + 1));
    }
    return names;
}

bool is_digits(std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}

bool is_oid(std::string_view text) {
    return is_digits(text) && text.size() <= 10;
}

// As PostgreSQL prints %X.
bool is_hex(std::string_view text, std::size_t shortest, std::size_t longest) {
    return text.size() >= shortest && text.size() <= longest &&
           text.find_first_not_of("0123456789ABCDEF") == std::string_view::npos;
}

// "16384", "16384_fsm.1" (src/common/relpath.c).
bool is_relation(std::string_view name) {
    if (const std::size_t dot = name.find('.'); dot != std::string_view::npos) {
        if (!is_digits(name.substr(dot + 1))) return false;
        name = name.substr(0, dot);
    }
    const std::size_t fork = name.find('_');
    if (fork == std::string_view::npos) return is_oid(name);
    const std::string_view kind = name.substr(fork);
    return is_oid(name.substr(0, fork)) && (kind == "_fsm" || kind == "_vm" || kind == "_init");
}

// "t3_16384" (looks_like_temp_rel_name, src/backend/storage/file/reinit.c).
bool is_temporary_relation(std::string_view name) {
    if (!name.starts_with('t')) return false;
    const std::size_t separator = name.find('_');
    return separator != std::string_view::npos && is_digits(name.substr(1, separator - 1)) &&
           is_relation(name.substr(separator + 1));
}

// In a database's folder, or in global.
Provenance of_database_file(std::string_view name) {
    if (name == "pg_filenode.map" || is_relation(name)) return Provenance::data;
    const bool is_transient = name.starts_with("pg_internal.init") || name.starts_with("pgsql_tmp") ||
                              name == "pg_filenode.map.tmp" || is_temporary_relation(name);
    return is_transient ? Provenance::transient : Provenance::foreign;
}

// Below "base" or a tablespace's version folder.
Provenance of_databases(const Names& names) {
    if (names[0].starts_with("pgsql_tmp")) return Provenance::transient;
    if (!is_oid(names[0]) || names.size() > 2) return Provenance::foreign;
    if (names.size() == 1 || names[1] == "PG_VERSION") return Provenance::data;
    return of_database_file(names[1]);
}

Provenance of_global(const Names& names) {
    if (names.size() > 1) return Provenance::foreign;
    if (names[0] == "pg_control") return Provenance::data;
    const bool is_transient = names[0].starts_with("config_exec_params") || names[0].starts_with("pgstat.");
    return is_transient ? Provenance::transient : of_database_file(names[0]);
}

// "PG_15_202209061", of which only the major version is known here. A tablespace's folder holds that of an older
// cluster too where pg_upgrade has left it.
Provenance of_version_folder(std::string_view name, int major_version) {
    if (!name.starts_with("PG_")) return Provenance::foreign;
    name.remove_prefix(3);
    const std::size_t separator = name.find('_');
    if (separator == std::string_view::npos || !is_digits(name.substr(separator + 1))) return Provenance::foreign;
    int major = 0;
    const auto [end, error] = std::from_chars(name.data(), name.data() + separator, major);
    if (error != std::errc() || end != name.data() + separator) return Provenance::foreign;
    return major_version == 0 || major == major_version ? Provenance::data : Provenance::transient;
}

Provenance of_tablespace(const Names& names, int major_version) {
    if (!is_oid(names[0])) return Provenance::foreign;
    if (names.size() == 1) return Provenance::data;
    const Provenance folder = of_version_folder(names[1], major_version);
    if (names.size() == 2 || folder != Provenance::data) return folder;
    return of_databases({names.begin() + 2, names.end()});
}

bool is_segment(std::string_view name) {
    return is_hex(name, 24, 24);
}

bool is_wal(std::string_view name) {
    constexpr std::string_view kHistory = ".history";
    if (!name.ends_with(kHistory)) return is_segment(name);
    name.remove_suffix(kHistory.size());
    return is_hex(name, 8, 8);
}

// Of the archive's status, that a segment is archived: what is to be archived is production's business. WAL summaries
// are of use to incremental backups alone, and are made anew.
Provenance of_wal(const Names& names) {
    if (names[0] == "archive_status" || names[0] == "summaries") {
        if (names.size() == 1) return Provenance::data;
        std::string_view file = names[1];
        if (names.size() > 2) return Provenance::foreign;
        if (names[0] != "archive_status" || !file.ends_with(".done")) return Provenance::transient;
        file.remove_suffix(5);
        return is_wal(file) ? Provenance::data : Provenance::transient;
    }
    if (names.size() > 1) return Provenance::foreign;
    if (is_wal(names[0])) return Provenance::data;
    const bool is_transient = names[0].starts_with("xlogtemp.") || names[0] == "RECOVERYXLOG" ||
                              names[0] == "RECOVERYHISTORY" || is_segment(names[0].substr(0, names[0].find('.')));
    return is_transient ? Provenance::transient : Provenance::foreign;
}

// What it has of replication origins is a part of the data; the rest PostgreSQL removes when there are no slots.
Provenance of_logical(const Names& names) {
    if (names[0] == "replorigin_checkpoint") return data_if(names.size() == 1);
    if (names[0] == "replorigin_checkpoint.tmp") return Provenance::transient;
    const bool is_mapping = names[0] == "mappings";
    if (!is_mapping && names[0] != "snapshots") return Provenance::foreign;
    if (names.size() == 1) return Provenance::data;
    const bool is_file = is_mapping ? names[1].starts_with("map-") : names[1].ends_with(".snap");
    return data_if(names.size() == 2 && is_file);
}

// Segments are named by 4 to 6 digits, since PostgreSQL 17 some by 15 (src/backend/access/transam/slru.c).
bool is_slru_segment(std::string_view name) {
    return is_hex(name, 4, 15);
}

Provenance of_multixact(const Names& names) {
    if (names[0] != "members" && names[0] != "offsets") return Provenance::foreign;
    return data_if(names.size() == 1 || (names.size() == 2 && is_slru_segment(names[1])));
}

Provenance of_top_file(std::string_view name) {
    if (contains(kTopFiles, name)) return Provenance::data;
    const bool is_transient = contains(kTransientFiles, name) || name.ends_with(".signal") ||
                              name.starts_with("postmaster.") || name.starts_with(".s.PGSQL.");
    return is_transient ? Provenance::transient : Provenance::foreign;
}

// Below one of PostgreSQL's folders.
Provenance of_content(std::string_view folder, const Names& names, int major_version) {
    if (folder == "base") return of_databases(names);
    if (folder == "global") return of_global(names);
    if (folder == "pg_tblspc") return of_tablespace(names, major_version);
    if (folder == "pg_wal") return of_wal(names);
    if (folder == "pg_logical") return of_logical(names);
    if (folder == "pg_multixact") return of_multixact(names);
    const bool is_file = names.size() == 1;
    if (folder == "pg_twophase") return data_if(is_file && is_hex(names[0], 8, 16));
    return data_if(is_file && is_slru_segment(names[0]));  // pg_xact, pg_commit_ts
}

// initdb's (src/bin/initdb/initdb.c), with content that a clone needs.
constexpr std::array<std::string_view, 9> kFolders = {
    "base", "global", "pg_tblspc", "pg_wal", "pg_logical", "pg_multixact", "pg_twophase", "pg_xact", "pg_commit_ts"};

}  // namespace

Provenance provenance_of(std::string_view path, int major_version) {
    const Names names = split(path);
    if (names.empty()) return Provenance::foreign;
    const bool is_top = names.size() == 1;
    if (contains(kEmptiedFolders, names[0])) return is_top ? Provenance::data : Provenance::transient;
    if (!contains(kFolders, names[0])) return is_top ? of_top_file(names[0]) : Provenance::foreign;
    return is_top ? Provenance::data : of_content(names[0], {names.begin() + 1, names.end()}, major_version);
}

}  // namespace polygon::bootstrap
