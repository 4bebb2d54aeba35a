// What `status` and `history` print.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/rebuild_store.h"

namespace polygon::rebuild {

struct StatusReport {
    std::string scope;
    Situation seen;
    std::optional<std::string> holder;        // of the coordinator's lock
    std::optional<etcd::HistoryRecord> last;  // the last rebuild that ended
};

// A view also of a polygon that is not being rebuilt: its nodes, and what their agents last decided.
View view_of(const Situation& seen);

// Lines of at most `width` columns; 0: as long as they are.
std::vector<std::string> to_lines(const StatusReport& report, std::size_t width);
std::string to_json(const StatusReport& report);

std::string to_table(const std::vector<etcd::HistoryRecord>& history);
std::string to_json(const std::vector<etcd::HistoryRecord>& history);

}  // namespace polygon::rebuild
