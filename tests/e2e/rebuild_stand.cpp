#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {

support::StandSettings stand_settings() {
    return {.tickets = 60'000};  // some 10 MB
}

Status prepare_stand(support::Stand& stand) {
    TRY(stand.make_production());
    TRY(stand.make_polygon());
    return stand.take_backup();
}

}  // namespace polygon::e2e
