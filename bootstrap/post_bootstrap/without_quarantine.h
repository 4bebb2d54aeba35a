// Under `quarantine: off`: what the quarantine does elsewhere, on the server that Patroni has started.
#pragma once

#include "bootstrap/post_bootstrap/post_bootstrap.h"
#include "common/patroni/configuration.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/databases.h"

namespace polygon::post_bootstrap {

// Disarms the clone, runs the user's SQL, and takes polygon-bootstrap's restraints out of postgresql.auto.conf; those
// that need a restart stay in force until then. Each step is written down in polygon.json when it is done, so that a
// repeat goes on there. (SQL in which it was stopped is run again.)
// Errors: those of sanitize::make_policy(), sanitise() and run_sql().
Status sanitise_here(const Request& request, const patroni::Configuration& configuration,
                     const sanitize::ConnectTo& connect_to, postgres::GenerationMarker& marker, Clock& clock);

}  // namespace polygon::post_bootstrap
