#include "bootstrap/restore/files/own_configuration.h"

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "common/fs/file.h"

namespace polygon::bootstrap {
namespace {

constexpr std::array<std::string_view, 5> kOwnFiles = {"postgresql.conf", "postgresql.auto.conf", "pg_hba.conf",
                                                       "pg_ident.conf", "polygon.json"};

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
// (patroni/postgresql/config.py, CMDLINE_OPTIONS, but for wal_keep_size, which start() leaves out).
constexpr const char* kRestraints =
    "# Written by polygon-bootstrap, emptied by polygon-post-bootstrap.\n"
    "archive_mode = 'off'\n"
    "max_logical_replication_workers = '0'\n"
    "shared_preload_libraries = ''\n"
    "session_preload_libraries = ''\n"
    "local_preload_libraries = ''\n"
    "wal_recycle = 'off'\n"  // production's WAL goes with a checkpoint
    "wal_keep_size = '0'\n";
constexpr const char* kRestraintsBefore16 =
    "vacuum_defer_cleanup_age = '0'\n";  // dead rows go with their table's rewriting
constexpr const char* kRestraintsSince17 =
    "event_triggers = 'off'\n"
    "sync_replication_slots = 'off'\n";

}  // namespace

bool is_own_configuration(std::string_view path) {
    return std::find(kOwnFiles.begin(), kOwnFiles.end(), path) != kOwnFiles.end();
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
    if (major_version < 16) restraints += kRestraintsBefore16;
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

}  // namespace polygon::bootstrap
