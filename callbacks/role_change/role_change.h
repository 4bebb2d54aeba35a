// The whole of polygon-role-change. Patroni kills a running callback when the next comes: each round looks anew, and
// nothing is left half-done.
#pragma once

#include <chrono>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/cli/configuration_source.h"

namespace polygon::role_change {

struct Request {
    cli::ConfigurationSource source;
    std::string action;
    std::string role;
    std::string scope;
    std::chrono::milliseconds deadline{0};
};

// Returns when every other member streams, when this node leads no longer, or with Errc::timeout naming those that do
// not stream.
Status run(const Request& request, Clock& clock);

}  // namespace polygon::role_change
