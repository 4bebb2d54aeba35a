#include "bootstrap/restore/staging/stage.h"

#include <signal.h>
#include <sys/prctl.h>

#include "bootstrap/restore/clone.h"
#include "bootstrap/restore/commands/check_command.h"
#include "bootstrap/restore/linked_places.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/staging/staged_clone.h"
#include "common/base/log.h"
#include "common/postgres/seal.h"

namespace polygon::bootstrap {
namespace {

struct Task {
    patroni::Configuration configuration;
    etcd::Plan rebuild;
    postgres::Places places;
};

Result<Task> read_task(const Request& request) {
    patroni::Configuration configuration = TRY(load_configuration(request));
    etcd::Plan rebuild = TRY(require_phase(TRY(read_orders(configuration)), configuration.name, etcd::Phase::stage));
    postgres::Places places = find_places(request, configuration);
    return Task{std::move(configuration), std::move(rebuild), std::move(places)};
}

Status make_place(const Request& request, const Task& task, Clock& clock) {
    const auto settings =
        TRY(patroni::PolygonSettings::load({request.source.path, request.source.environment}, request.overrides));
    TRY(postgres::require_movable(task.places));
    TRY(require_usable_places(task.places, settings.tablespaces.value));
    TRY(make_room(task.places, task.rebuild.generation, clock));
    // In place, the room is that of the data directory.
    if (task.rebuild.mode == etcd::Mode::in_place) return {};
    return require_room_for_copy(task.places, settings.tablespaces.value, task.rebuild.backup.bytes);
}

// Planned before anything is removed.
Status make_sealed_clone(const Request& request, const Task& task, Progress& progress, Clock& clock) {
    if (require_whole(task.places.staged, task.rebuild.generation)) {
        log_info("the clone is staged already", {{"generation", task.rebuild.generation}});
        return make_room(task.places, task.rebuild.generation, clock);
    }
    Plan plan = TRY(make_plan(request, clock, Purpose::staging));
    TRY(make_room(task.places, task.rebuild.generation, clock));
    TRY(make_clone(plan, progress, clock));
    return postgres::seal(plan.places.staged);
}

// Its own report goes to the status file.
Result<int> check_source(const Request& request, const Task& task, Clock& clock) {
    const Plan plan = TRY(make_plan(request, clock, Purpose::staging));
    TRY(make_room(task.places, task.rebuild.generation, clock));
    const auto* backup = std::get_if<backup::Backup>(&plan.source);
    if (backup == nullptr) {
        Progress(clock, request.status_file).end({});
        return 0;
    }
    return check({.source = backup->directory.string(),
                  .bin_dir = plan.configuration.postgresql.bin_dir.string(),
                  .status_file = request.status_file,
                  .wal = recovered_from(plan.settings.recovery),
                  .missing_manifest =
                      backup->has_manifest ? backup::MissingManifest::refused : backup::MissingManifest::accepted},
                 clock);
}

Status run_phases(const Request& request, const Task& task, Progress& progress, Clock& clock) {
    if (task.rebuild.leader != task.configuration.name) return make_place(request, task, clock);
    return make_sealed_clone(request, task, progress, clock);
}

}  // namespace

Result<int> stage(const Request& request, Clock& clock) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    Progress progress(clock, request.status_file);
    progress.enter("plan");
    const Result<Task> task = read_task(request);
    const bool is_checked_only =
        task && task->rebuild.mode == etcd::Mode::in_place && task->rebuild.leader == task->configuration.name;
    if (is_checked_only) {
        Result<int> checked = check_source(request, *task, clock);
        if (!checked) progress.end(checked.error());
        return checked;
    }
    Status done = task ? run_phases(request, *task, progress, clock) : Status(task.error());
    progress.end(done);
    if (!done) return std::move(done).error();
    return 0;
}

}  // namespace polygon::bootstrap
