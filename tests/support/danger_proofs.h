// That nothing of production's dangers (dangers.h) came to pass in the polygon; proofs as in proofs.h.
#pragma once

#include "tests/support/proofs.h"

namespace polygon::support {

// Its slot for production stands still, nobody has connected since the backup, and it goes on receiving from
// production.
Evidence prove_partner_not_reached(Stand& stand);
// Not one connection has come to where production's foreign servers are.
Evidence prove_foreign_server_not_reached(Stand& stand);
// Of production's job, which writes down in whose cluster it runs.
Evidence prove_no_job_ran(Stand& stand);
// In no database of the leader, the closed one included: subscriptions, user mappings, logical slots, prepared
// transactions; and what is no tie is as it was: row security, event triggers, the closed database.
Evidence prove_ties_cut(Stand& stand);
// No password of either side, or of whom production deals with, is in any log since the stand was made.
Evidence prove_no_password_logged(Stand& stand);

}  // namespace polygon::support
