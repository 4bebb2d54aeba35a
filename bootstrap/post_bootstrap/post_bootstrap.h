// The whole of polygon-post-bootstrap: connect, sanitise what went through no quarantine, prove, stamp.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/cli/configuration_source.h"

namespace polygon::post_bootstrap {

struct Request {
    cli::ConfigurationSource source;
    std::string conninfo;
};

// Errc::not_proven naming what does not hold, and nothing is stamped; also connection, database, etcd_unavailable, and
// those of sanitize::sanitise(). The stamp is table polygon.refresh in database postgres, the certificate beside the
// data directory, polygon.json's stage, and the key `generation` in etcd, which the guards of the other nodes wait for.
// A repeat comes to the same end.
Status run(const Request& request, Clock& clock);

}  // namespace polygon::post_bootstrap
