// The whole of polygon-entrypoint: this thread supervises Patroni and has the signals, another one is the node's agent,
// whose guard starts Patroni when it may.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"

namespace polygon::entrypoint {

struct Request {
    std::vector<std::string> command;                    // "patroni", "/etc/patroni/patroni.yml"
    std::optional<std::filesystem::path> configuration;  // else POLYGON_CONFIG, else the one in `command`
};

// Patroni's exit status; 0 if a signal ends it while Patroni does not run.
Result<int> run(const Request& request, Clock& clock);

}  // namespace polygon::entrypoint
