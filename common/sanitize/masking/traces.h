// Where a database still has values of before masking besides its statistics.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

// The session's search_path is the database's own from now on: functions that indexes are made with may rely on it.
Status use_own_search_path(postgres::Connection& session);

// "materialized view shop.totals" for each that holds rows and is none of these, in a database where any was changed.
Result<Lines> list_unrefreshed(postgres::Connection& session, const Oids& changed);

// "table shop.customers" for each of these.
Result<Lines> list_tables(postgres::Connection& session, const Oids& tables);

}  // namespace polygon::sanitize
