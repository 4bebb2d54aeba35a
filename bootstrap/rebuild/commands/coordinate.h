// A coordinator at work with all that it needs, for the subcommands that take a rebuild to its end.
#pragma once

#include <chrono>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "bootstrap/rebuild/commands/terminal_operator.h"
#include "bootstrap/rebuild/coordinator/coordinator.h"
#include "bootstrap/rebuild/coordinator/metrics.h"
#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_settings.h"

namespace polygon::rebuild {

struct Request {
    patroni::ConfigurationSources sources;
    patroni::Overrides overrides;
    std::chrono::seconds patience{300};
    std::optional<std::filesystem::path> metrics;
};

// The configuration of a polygon, its settings, and its keys.
struct Site {
    static Result<std::unique_ptr<Site>> open(const Request& request);

    Request request;
    patroni::Configuration configuration;
    patroni::PolygonSettings settings;
    RebuildStore store;
};

Result<Measured> measure(RebuildStore& store, const std::string& scope, Clock& clock);
// Into the file that was asked for, if one was; a failure is logged.
void tell_metrics(Site& site, Clock& clock);

// Until the rebuild has ended. `what` is the subcommand, for whoever finds the lock held.
Result<Ending> coordinate(Site& site, std::unique_ptr<etcd::Lock> lock, TerminalOperator& person,
                          const std::string& what, Order order, Clock& clock);

// Prints what came of it; the exit status. A rebuild that was rolled back is Errc::rolled_back.
Result<int> conclude(const Ending& ending);

}  // namespace polygon::rebuild
