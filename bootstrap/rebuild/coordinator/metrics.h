// The state of a polygon's data for Prometheus, in its text format, as the node exporter's textfile collector reads it.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/records.h"
#include "common/base/result.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::rebuild {

struct Measured {
    std::string scope;
    std::optional<etcd::Generation> proven;
    std::vector<etcd::HistoryRecord> history;  // the oldest first
    std::optional<etcd::PhaseRecord> active;   // of the rebuild that is under way
    std::uint64_t bytes = 0;                   // of that one's backup
    WallTime now;
};

// A value that is not known is left out.
std::string to_metrics(const Measured& measured);

// Replaces the file as a whole; readable by all, as collectors run under accounts of their own.
Status write_metrics(const std::filesystem::path& path, const Measured& measured);

}  // namespace polygon::rebuild
