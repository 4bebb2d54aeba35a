#include "bootstrap/entrypoint/agent/disk.h"

#include <fmt/format.h>
#include <gnu/libc-version.h>
#include <sys/statvfs.h>

#include "bootstrap/entrypoint/guard/snapshot.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/seal.h"

namespace polygon::entrypoint {
namespace {

// DB_SHUTDOWNED_IN_RECOVERY and DB_IN_ARCHIVE_RECOVERY are a standby's (PostgreSQL src/include/catalog/pg_control.h).
bool is_primarys(postgres::ClusterState state) {
    using postgres::ClusterState;
    return state == ClusterState::in_production || state == ClusterState::shut_down ||
           state == ClusterState::shutting_down || state == ClusterState::in_crash_recovery;
}

}  // namespace

Result<DiskSeen> look_at_disk(const postgres::Places& places) {
    DiskSeen seen{.data = TRY(look_at_data(places))};
    seen.half_set_aside_for = TRY(postgres::replaced_by(places.data)).value_or("");
    seen.previous_for = TRY(postgres::replaced_by(places.previous)).value_or("");
    seen.has_remains = TRY(postgres::is_half_removed(places.previous));
    seen.has_leftovers = !TRY(postgres::find_leftovers(places)).empty();
    const auto control = postgres::read_control_file(places.data);
    seen.is_control_unreadable = !control && seen.data.state == DataState::complete;
    seen.was_primary = control ? is_primarys(control->state) : seen.is_control_unreadable;
    if (const auto marker = postgres::read_marker(places.data); marker && *marker) {
        seen.backup_label = (*marker)->backup_label;
        seen.backup_time = (*marker)->backup_time;
    }
    seen.has_staged = !TRY(postgres::list_entries(places.staged)).empty();
    if (!seen.has_staged) return seen;
    const auto staged = postgres::read_marker(places.staged);
    if (!staged && staged.error().code == Errc::io) return staged.error();
    if (staged && *staged) {
        seen.staged_generation = (*staged)->generation;
        seen.is_staged_sealed = !(*staged)->seal.empty() && (*staged)->stage != postgres::Stage::restoring;
    }
    return seen;
}

Status put_copy_in_place(const postgres::Places& places) {
    TRY(postgres::require_sealed(places.staged));
    auto marker = TRY(postgres::read_marker(places.staged));
    if (!marker) {
        return Error{Errc::conflict, fmt::format("'{}' has no polygon.json", places.staged.string()),
                     "It is removed when the rebuild has ended."};
    }
    marker->stage = postgres::Stage::proven;
    TRY(postgres::write_marker(places.staged, *marker));  // the seal leaves it out: a crash here changes nothing
    return postgres::put_in_place(places);
}

Room read_room(const postgres::Places& places) {
    struct statvfs found = {};
    if (statvfs(places.staged.parent_path().c_str(), &found) != 0) return {};
    return {.free_bytes = std::uint64_t{found.f_bavail} * found.f_frsize,
            .used_bytes = (std::uint64_t{found.f_blocks} - found.f_bfree) * found.f_frsize};
}

std::string c_library() {
    return fmt::format("glibc {}", gnu_get_libc_version());
}

}  // namespace polygon::entrypoint
