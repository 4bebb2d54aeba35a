#include "bootstrap/restore/carried_over.h"

#include <algorithm>
#include <array>

#include "common/fs/file.h"

namespace polygon::bootstrap {
namespace {

// Patroni's sources name those that bite: patroni/postgresql/config.py, patroni/config.py.
constexpr std::array<std::string_view, 17> kLeftOutFiles = {
    "postgresql.conf", "postgresql.base.conf", "postgresql.auto.conf", "pg_hba.conf",     "pg_ident.conf",
    "recovery.conf",   "recovery.done",        "recovery.signal",      "standby.signal",  "promote",
    "trigger_file",    "patroni.dynamic.json", "postmaster.pid",       "postmaster.opts", "current_logfiles",
    "polygon.json",    "backup_label.old"};

constexpr std::array<std::string_view, 4> kLeftOutFolders = {"conf.d/", "pg_replslot/", "pg_stat/", "pg_stat_tmp/"};

constexpr const char* kBar =
    "# This clone of production is not finished: polygon-bootstrap was restoring or sanitising it.\n"
    "# The next line keeps PostgreSQL and Patroni from starting it; the next bootstrap removes it.\n"
    "polygon-bootstrap has not finished here\n";

constexpr const char* kOwnConfiguration =
    "# Written by polygon-bootstrap. Nothing of production's configuration is here: Patroni's alone rules.\n";

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
    "local_preload_libraries = ''\n";
constexpr const char* kRestraintsSince17 =
    "event_triggers = 'off'\n"
    "sync_replication_slots = 'off'\n";

}  // namespace

bool is_left_out(std::string_view path) {
    if (std::find(kLeftOutFiles.begin(), kLeftOutFiles.end(), path) != kLeftOutFiles.end()) return true;
    const bool is_at_top = path.find('/') == std::string_view::npos;
    if (is_at_top && (path.ends_with(".backup") || path.ends_with(".conf") || path.starts_with(".s.PGSQL.")))
        return true;
    return std::any_of(kLeftOutFolders.begin(), kLeftOutFolders.end(), [&](std::string_view folder) {
        return path.size() > folder.size() && path.starts_with(folder);
    });
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

}  // namespace polygon::bootstrap
