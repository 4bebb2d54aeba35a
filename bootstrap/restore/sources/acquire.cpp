#include "bootstrap/restore/sources/acquire.h"

#include <fmt/format.h>

#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/files/own_configuration.h"
#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/combine.h"
#include "bootstrap/restore/sources/filling_command.h"
#include "bootstrap/restore/sources/incoming.h"
#include "bootstrap/restore/sources/live_server.h"
#include "bootstrap/restore/sources/wal_records.h"
#include "common/base/log.h"

namespace polygon::bootstrap {
namespace {

// One overload for each source.
class Acquisition {
  public:
    Acquisition(Plan& plan, postgres::GenerationMarker& marker, LeftBehind& left_behind, Progress& progress,
                Clock& clock)
        : plan_(plan), marker_(marker), left_behind_(left_behind), progress_(progress), clock_(clock) {}

    Status operator()(const backup::Backup& backup);
    Status operator()(const LiveServer& server);
    Status operator()(const FillingCommand& command);

  private:
    backup::LeftOutFile keep_aside() {
        return [this](const std::string& path, const auto& content) -> Status {
            TRY(left_behind_.excluded.note(path));
            left_behind_.settings.keep(path, content);
            return {};
        };
    }
    LeftOut is_left_out() {
        return [this](std::string_view path) { return plan_.files.is_left_out(path); };
    }
    Status settle(const fs::Path& incoming);
    Result<backup::Restored> restore(const backup::RestoreRequest& request);

    Plan& plan_;
    postgres::GenerationMarker& marker_;
    LeftBehind& left_behind_;
    Progress& progress_;
    Clock& clock_;
};

Result<backup::Restored> Acquisition::restore(const backup::RestoreRequest& request) {
    if (!request.backup.continues) return backup::restore(request, clock_);
    const postgres::Binaries combiner =
        TRY(postgres::find_combiner(plan_.binaries.directory, plan_.binaries.major_version, clock_));
    return combine(request, combiner, progress_, clock_);
}

Status Acquisition::operator()(const backup::Backup& backup) {
    marker_.backup_label = backup.label;
    marker_.backup_time = backup.manifest.last_modified;
    marker_.backup_end_lsn = backup.manifest.end_lsn();
    marker_.is_backup_verified = backup.has_manifest;
    TRY(postgres::write_marker(plan_.places.staged, marker_));
    progress_.enter("restore", "restoring");
    const backup::Restored restored =
        TRY(restore({.backup = backup,
                     .data_directory = plan_.places.staged,
                     .tablespaces = tablespace_mapping(plan_),
                     .tablespace_suffix = postgres::kStagedSuffix,
                     .may_be_there = is_own_configuration,
                     .is_left_out = is_left_out(),
                     .on_left_out = keep_aside(),
                     .wal = recovered_from(plan_.settings.recovery),
                     .check_wal = check_wal_with(plan_.binaries, backup.manifest, clock_),
                     .on_progress = [this](const backup::Progress& now) { progress_.report(now); },
                     .on_problem = [](const std::string& problem) { log_warning(problem); }}));
    progress_.complete();
    log_info(backup.has_manifest ? "restored and verified" : "restored, not verified",
             {{"files", restored.files}, {"bytes", restored.bytes}});
    return {};
}

Status Acquisition::settle(const fs::Path& incoming) {
    TRY(remove_left_out(incoming, is_left_out(), keep_aside()));
    return move_up(plan_.places.staged);
}

Status Acquisition::operator()(const LiveServer& server) {
    marker_.backup_label = fmt::format("pg-polygon {}", plan_.generation);
    const fs::Path incoming = TRY(open_incoming(plan_.places.staged));
    const TakenBackup taken =
        TRY(take_backup(server, plan_.binaries, plan_.places, incoming, marker_.backup_label, progress_, clock_));
    marker_.backup_time = taken.time;
    marker_.backup_end_lsn = taken.end_lsn;
    return settle(incoming);
}

Status Acquisition::operator()(const FillingCommand& command) {
    const fs::Path incoming = TRY(open_incoming(plan_.places.staged));
    progress_.enter("restore");
    const Filled filled = TRY(fill(command, plan_.settings, plan_.places, incoming, is_left_out(), clock_));
    plan_.files.set_major_version(filled.major_version);
    plan_.binaries = TRY(find_matching_binaries(plan_.configuration, "what polygon.source.command brought",
                                                filled.major_version, clock_));
    TRY(check_target(plan_.settings.recovery, plan_.binaries, clock_));
    marker_.is_backup_verified = TRY(verify_filled(incoming, filled, plan_, progress_, clock_));
    marker_.backup_label = filled.label;
    marker_.backup_time = filled.start_time;
    return settle(incoming);
}

}  // namespace

std::string describe(const DataSource& source) {
    if (const auto* backup = std::get_if<backup::Backup>(&source)) {
        return fmt::format("the backup '{}' in '{}'{}", backup->label, backup->directory.string(),
                           backup->continues ? ", " + describe_chain(*backup) : "");
    }
    if (const auto* server = std::get_if<LiveServer>(&source))
        return fmt::format("a backup of the server '{}'", server->conninfo.server());
    return "what polygon.source.command brings";
}

Status acquire_files(Plan& plan, postgres::GenerationMarker& marker, LeftBehind& left_behind, Progress& progress,
                     Clock& clock) {
    // The source is copied: the plan is written to meanwhile.
    const DataSource source = plan.source;
    TRY(std::visit(Acquisition(plan, marker, left_behind, progress, clock), source));
    return plan.files.require_kept(plan.places.staged);
}

}  // namespace polygon::bootstrap
