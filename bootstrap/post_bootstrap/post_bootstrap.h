// The whole of polygon-post-bootstrap: connect, prove, stamp.
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

// Errc::not_proven naming what does not hold, and nothing is stamped; also connection, database, etcd_unavailable. The
// stamp is table polygon.refresh in database postgres, polygon.json's stage, and the key `generation` in etcd, which
// the guards of the other nodes wait for. A repeat writes the same.
Status run(const Request& request, Clock& clock);

}  // namespace polygon::post_bootstrap
