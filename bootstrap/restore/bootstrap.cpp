#include "bootstrap/restore/bootstrap.h"

#include <signal.h>
#include <sys/prctl.h>

#include "bootstrap/restore/clone.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/progress.h"
#include "bootstrap/restore/staging/staged_clone.h"
#include "common/base/log.h"
#include "common/postgres/bootstrap_error.h"

namespace polygon::bootstrap {
namespace {

// Restored before the polygon stopped: the outage is for a rename and a start.
Status adopt(const postgres::Places& places, const std::string& generation) {
    TRY(postgres::require_empty(places.data));
    TRY(require_whole(places.staged, generation));
    TRY(postgres::put_in_place(places));
    log_info("the staged clone is in place", {{"generation", generation}, {"data_directory", places.data.string()}});
    return {};
}

Status run_phases(const Request& request, Progress& progress, Clock& clock) {
    progress.enter("plan");
    const patroni::Configuration configuration = TRY(load_configuration(request));
    const Orders orders = TRY(read_orders(configuration));
    if (TRY(choose_way(orders, configuration.name)) == BootstrapWay::adopt_staged) {
        progress.enter("adopt");
        return adopt(find_places(request, configuration), orders.plan->generation);
    }
    Plan plan = TRY(make_plan(request, clock));
    TRY(make_clone(plan, progress, clock));
    return postgres::put_in_place(plan.places);
}

}  // namespace

Status run(const Request& request, Clock& clock) {
    if (request.role == "replica") {
        return Error{Errc::unsupported, "replicas are cloned by Patroni's basebackup",
                     "Keep 'basebackup' in postgresql.create_replica_methods."};
    }
    // Patroni 3.0 leaves a running bootstrap alone when it is killed: nobody would adopt what it makes.
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    Progress progress(clock, request.status_file);
    Status done = run_phases(request, progress, clock);
    progress.end(done);
    if (const auto configuration = load_configuration(request))
        postgres::note_bootstrap_end(find_places(request, *configuration).data, done);
    return done;
}

}  // namespace polygon::bootstrap
