// What the coordinator writes down: the phases' records, and the history of a rebuild that has ended.
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/view.h"
#include "common/etcd/rebuild_state.h"

namespace polygon::rebuild {

using WallTime = std::chrono::system_clock::time_point;

// The first phase of a rebuild.
etcd::PhaseRecord first_phase(const std::string& generation, WallTime now);
// The next one: `took` is noted for the one that ends, added up if it was there before; the error stays unless another
// is given.
etcd::PhaseRecord next_phase(const etcd::PhaseRecord& now, etcd::Phase next, const std::string& error,
                             std::chrono::duration<double> took, WallTime at);
// The same phase for a person to look at.
etcd::PhaseRecord stuck_phase(const etcd::PhaseRecord& now, const std::string& reason);
// The same phase, taken up again. Agents that have failed try once more: only then the attempt grows.
etcd::PhaseRecord resumed_phase(const View& view);

etcd::HistoryRecord make_history(const View& view, const etcd::PhaseRecord& last, WallTime ended);

// Seconds in which the last rebuild that went well had the polygon down; nothing if there was none.
std::optional<double> last_outage(const std::vector<etcd::HistoryRecord>& history);
double outage_of(const std::map<std::string, double>& seconds);
// "stage 62.0 s, stop 2.1 s", in the order of the phases.
std::string describe_seconds(const std::map<std::string, double>& seconds);

}  // namespace polygon::rebuild
