// What every subcommand that touches a polygon begins with.
#pragma once

#include <chrono>
#include <memory>
#include <string>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/etcd/lock.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::rebuild {

// A configuration without a polygon.source is Errc::configuration: it may be production's, which is never touched.
Result<patroni::PolygonSettings> require_polygon(const patroni::ConfigurationSources& sources,
                                                 const patroni::Overrides& overrides);

// The coordinator's lock. `what` ("run") stands in its value, with host and process, for whoever finds it held:
// Errc::conflict then.
Result<std::unique_ptr<etcd::Lock>> take_lock(const patroni::Configuration& configuration, const std::string& what,
                                              Clock& clock);

}  // namespace polygon::rebuild
