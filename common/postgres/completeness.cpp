#include "common/postgres/completeness.h"

#include "common/fs/file.h"

namespace polygon::postgres {
namespace {

constexpr const char* kLabel = "backup_label";
// Renamed to backup_manifest when all has been flushed (PostgreSQL src/bin/pg_basebackup/pg_basebackup.c).
constexpr const char* kUnflushedManifest = "backup_manifest.tmp";

}  // namespace

Result<Completeness> read_completeness(const Path& directory) {
    if (TRY(list_entries(directory)).empty()) return Completeness::nothing;
    const bool has_control_file = TRY(fs::is_there(directory / "global" / "pg_control"));
    if (!has_control_file || TRY(fs::is_there(directory / kUnflushedManifest))) return Completeness::fragment;
    return TRY(fs::is_there(directory / kLabel)) ? Completeness::copy : Completeness::whole;
}

Result<bool> is_partial_base_backup(const Path& directory) {
    if (TRY(fs::is_there(directory / kLabel))) return true;
    return TRY(list_entries(directory)) == std::vector<std::string>{"pg_wal"};
}

}  // namespace polygon::postgres
