// What ties a clone to production's other systems, by database: undone in the quarantine, before anything can act on
// it, and looked for again on the running leader.
#pragma once

#include <set>
#include <string>

#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/sanitize/databases.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/ties/acting_extensions.h"

namespace polygon::sanitize {

struct TiePlan {
    patroni::Subscriptions subscriptions = patroni::Subscriptions::drop;
    patroni::Jobs jobs = patroni::Jobs::disable;
    patroni::ForeignServers foreign_servers = patroni::ForeignServers::detach;
    Extensions kept_extensions;           // of acting_extensions()
    std::set<std::string> to_be_dropped;  // databases of which nothing will be left
};

// Every database but template0, those that allow no connections too. Subscriptions lose their slot's name before they
// are dropped or disabled, so that nothing is sent to the publisher; jobs are switched off; credentials of foreign
// servers are dropped; login event triggers are disabled; extensions that act by themselves are cut off, or
// Errc::unsupported. Before all that, prepared transactions are rolled back: a lock of theirs would be waited for.
// Table polygon.refresh is made on the way, where production's event triggers cannot refuse it. A repeat finds nothing
// to do.
Result<Findings> cut_ties(const ConnectTo& connect_to, const TiePlan& plan);

// Named as the certificate has them.
struct RemainingTies {
    Lines extensions;
    Lines jobs;
    Lines credentials;
    Lines login_triggers;
};

// What of these there is, "database thai: …", in the databases that allow connections; of extensions but for those
// `kept`. Changes nothing.
Result<RemainingTies> find_ties(const ConnectTo& connect_to, const Extensions& kept);

}  // namespace polygon::sanitize
