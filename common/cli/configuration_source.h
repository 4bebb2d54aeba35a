// Where a helper finds Patroni's configuration and environment when Patroni has called it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "common/base/result.h"
#include "common/process/child.h"

namespace polygon::cli {

struct ConfigurationSource {
    std::optional<std::filesystem::path> path;  // none: Patroni is configured by its environment alone
    process::Environment environment;           // ours, and over it the PATRONI_* of the parent where Patroni took them
};

// `flag` (--config), else POLYGON_CONFIG, else the file on the command line of `parent` if that is Patroni. Patroni
// removes PATRONI_* from what its children see (patroni/config.py), so they are read from /proc/<parent>/environ.
ConfigurationSource find_configuration(const std::optional<std::filesystem::path>& flag, pid_t parent);

// The configuration file that `patroni` is called with: the first argument after it that is no option.
std::optional<std::filesystem::path> configuration_argument(const std::vector<std::string>& command_line);

// Whether this is the command line of a Patroni: `patroni …`, or an interpreter of it.
bool is_patroni(const std::vector<std::string>& command_line);

}  // namespace polygon::cli
