// Extensions that connect somewhere, or run jobs of their own, as soon as their library is preloaded: cut off where
// that can be done in their tables, and refused where not.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

using Extensions = std::set<std::string>;

// The names of all that are known, in order.
std::vector<std::string> acting_extensions();

// "disabled 2 subscriptions of pglogical", of what it has cut off. Errc::unsupported for an extension that nothing here
// can disarm. Those of `kept` are left as they are. In a shielded session.
Result<Lines> cut_extensions(postgres::Connection& session, const Extensions& kept);

// The tables that it cuts them off in. What production has deleted there is in dead rows.
Result<Oids> find_tables_of_extensions(postgres::Connection& session, const Extensions& kept);

// "extension citus: it connects to its worker nodes" for those of `kept` that the session's database has.
Result<Lines> describe_extensions(postgres::Connection& session, const Extensions& kept);

// What acts, or may act, by itself, but for those of `kept`: "2 subscriptions of pglogical", "extension citus: it
// connects to its worker nodes". Changes nothing.
Result<Lines> find_acting_extensions(postgres::Connection& session, const Extensions& kept);

}  // namespace polygon::sanitize
