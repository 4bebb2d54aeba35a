#include "tests/e2e/stand_fixture.h"
#include "tests/support/faults.h"

namespace polygon::e2e {

support::StandSettings stand_settings() {
    return {.tickets = 2'000, .production = support::ProductionKind::plain};
}

Status prepare_stand(support::Stand& stand) {
    TRY(stand.make_production());
    TRY(stand.take_backup());
    // All that is needed of production is its backup.
    TRY(stand.production().stop_nodes());
    TRY(stand.production().etcd().stop());
#ifndef POLYGON_SANITIZED
    for (support::PatroniNode& node : stand.polygon().nodes())
        support::let_disk_be_filled(stand.workspace(), node);
#endif
    return stand.make_service_polygon();
}

}  // namespace polygon::e2e
