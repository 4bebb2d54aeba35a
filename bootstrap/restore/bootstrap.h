// The whole of polygon-bootstrap: plan (writes nothing), restore, quarantine, put in place.
#pragma once

#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/cli/configuration_source.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::bootstrap {

struct Request {
    cli::ConfigurationSource source;
    patroni::Overrides overrides;
    std::string scope;           // empty: not given
    std::string data_directory;  // empty: the configuration's
    std::string role;            // "replica": as a replica method
    std::string status_file;     // progress as JSON; empty: none
    std::string from;            // "host:port" of the leader whose staged clone is copied
    std::string ignored;         // what Patroni passes to replica methods besides
};

// On success the data directory is complete, sanitised and shut down: restored, or in a staged rebuild what was staged
// for it, put in place within a second and otherwise refused. On failure it is as it was, and the clone that
// was being made is gone; a crash leaves that clone beside it, which neither PostgreSQL nor Patroni starts and which
// the next run removes.
Status run(const Request& request, Clock& clock);

}  // namespace polygon::bootstrap
