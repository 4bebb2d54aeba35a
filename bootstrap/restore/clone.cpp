#include "bootstrap/restore/clone.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include "bootstrap/restore/files/own_configuration.h"
#include "bootstrap/restore/files/production_settings.h"
#include "bootstrap/restore/quarantine.h"
#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/acquire.h"
#include "bootstrap/restore/space.h"
#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/storage_format.h"

namespace polygon::bootstrap {
namespace {

double seconds_since(Clock& clock, Clock::Instant start) {
    return std::chrono::duration<double>(clock.now() - start).count();
}

postgres::GenerationMarker begin_marker(const Plan& plan, Clock& clock) {
    return {.generation = plan.generation,
            .stage = postgres::Stage::restoring,
            .leader = plan.configuration.name,
            .created_at = format_utc(clock.wall())};
}

// Of another source than a backup nobody knows beforehand how much it is.
Status require_room(const Plan& plan) {
    const auto* backup = std::get_if<backup::Backup>(&plan.source);
    if (backup == nullptr) return {};
    return require_space_for({.backup = *backup,
                              .data_directory = plan.places.staged,
                              .tablespaces = tablespace_mapping(plan),
                              .tablespace_suffix = postgres::kStagedSuffix,
                              .wal = recovered_from(plan.settings.recovery)},
                             rewriting_of(plan.policy));
}

// Recovered, sanitised and under an identity of its own.
Status pass_quarantine(const Plan& plan, postgres::GenerationMarker& marker, Progress& progress, Clock& clock) {
    const Clock::Instant start = clock.now();
    progress.enter("quarantine");
    TRY(quarantine(plan, marker, progress, clock));
    marker.phase_seconds["quarantine"] = seconds_since(clock, start);
    TRY(remove_statistics(plan.places.staged));
    return write_own_configuration(plan.places.staged);
}

// As production left it, for Patroni to recover and for polygon-post-bootstrap to sanitise.
Status leave_to_patroni(const Plan& plan, postgres::GenerationMarker& marker) {
    log_warning("no quarantine: Patroni starts the clone before it is sanitised",
                {{"configured", plan.settings.quarantine.mode.origin}});
    marker.is_quarantined = false;
    marker.isolation = "none";
    marker.source_system_identifier = TRY(postgres::read_control_file(plan.places.staged)).system_identifier;
    marker.system_identifier = marker.source_system_identifier;
    return write_restraining_configuration(plan.places.staged, plan.binaries.major_version);
}

void tell_left_behind(const LeftBehind& left_behind, postgres::GenerationMarker& marker) {
    leave_settings_behind(left_behind.settings, marker);
    marker.excluded = left_behind.excluded.lines();
    log_info("files that are not PostgreSQL's own are not carried over: polygon.json lists them",
             {{"count", left_behind.excluded.count()}});
}

Status fill_clone(Plan& plan, Progress& progress, Clock& clock) {
    TRY(require_room(plan));
    postgres::GenerationMarker marker = begin_marker(plan, clock);
    TRY(open_staging(plan.places.staged, marker));
    const Clock::Instant start = clock.now();
    LeftBehind left_behind{.settings = {}, .excluded = ExcludedFiles(plan.files)};
    TRY(acquire_files(plan, marker, left_behind, progress, clock));
    tell_left_behind(left_behind, marker);
    TRY(postgres::require_same_format(plan.binaries, plan.places.staged, clock));
    marker.phase_seconds["restore"] = seconds_since(clock, start);
    if (plan.settings.quarantine.mode.value == patroni::QuarantineMode::on) {
        TRY(pass_quarantine(plan, marker, progress, clock));
    } else {
        TRY(leave_to_patroni(plan, marker));
    }
    // Whatever quarantine.parameters say of fsync: what is called restored is on its disks.
    TRY(postgres::flush_data_directory(plan.places.staged));
    marker.stage = postgres::Stage::restored;
    TRY(postgres::write_marker(plan.places.staged, marker));
    log_info("the clone is ready for Patroni", {{"generation", marker.generation},
                                                {"system_identifier", marker.system_identifier},
                                                {"production", marker.source_system_identifier}});
    return {};
}

}  // namespace

Status open_staging(const postgres::Path& staged, const postgres::GenerationMarker& marker) {
    TRY(postgres::remove_data_directory(staged, postgres::LinkTargets::all));
    std::error_code error;
    std::filesystem::create_directories(staged.parent_path(), error);
    if (error || ::mkdir(staged.c_str(), 0700) != 0) {
        return errno_error(Errc::io, fmt::format("cannot create '{}'", staged.string()), error ? error.value() : errno);
    }
    TRY(bar_start(staged));
    return postgres::write_marker(staged, marker);
}

void remove_unfinished(const postgres::Path& staged) {
    const Status removed = postgres::remove_data_directory(staged, postgres::LinkTargets::all);
    if (!removed) log_warning("the unfinished clone stays behind: " + removed.error().message);
}

Status make_clone(Plan& plan, Progress& progress, Clock& clock) {
    log_info("restoring " + describe(plan.source), {{"into", plan.places.staged.string()},
                                                    {"to", describe_target(plan.settings.recovery)},
                                                    {"generation", plan.generation}});
    Status made = fill_clone(plan, progress, clock);
    if (!made) remove_unfinished(plan.places.staged);
    return made;
}

}  // namespace polygon::bootstrap
