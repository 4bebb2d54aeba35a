// What ties a clone to production's other systems, by database: undone in the quarantine, before anything can act on
// it.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/sanitize/databases.h"

namespace polygon::sanitize {

enum class Subscriptions { drop, disable };
enum class Jobs { disable, keep };
enum class ForeignServers { detach, keep };

struct TiePlan {
    Subscriptions subscriptions = Subscriptions::drop;
    Jobs jobs = Jobs::disable;
    ForeignServers foreign_servers = ForeignServers::detach;
};

// Every database but template0, those that allow no connections too. Subscriptions lose their slot's name before they
// are dropped or disabled, so that nothing is sent to the publisher; jobs of pg_cron and pgAgent are switched off; user
// mappings of foreign servers, with their passwords, are dropped; prepared transactions are rolled back. Table
// polygon.refresh is made on the way, where production's event triggers cannot refuse it.
// Gives one line for each thing undone, "database thai: dropped subscription 'orders'". A repeat finds nothing to do.
Result<std::vector<std::string>> cut_ties(const ConnectTo& connect_to, const TiePlan& plan);

}  // namespace polygon::sanitize
