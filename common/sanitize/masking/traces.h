// Where a database still has values of before masking: statistics, and materialized views that nobody has refreshed.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

// Deletes the statistics of these tables, their indexes and what they are partitions or children of, analyzes them
// anew, and rewrites the catalogs of statistics, where those of dropped tables are too. ANALYZE that fails is a
// warning: then there are none.
Status renew_statistics(postgres::Connection& session, const Oids& changed);

// "materialized view shop.totals" for each that holds rows and is none of these, in a database where any was changed.
Result<Lines> list_unrefreshed(postgres::Connection& session, const Oids& changed);

// "table shop.customers" for each of these.
Result<Lines> list_tables(postgres::Connection& session, const Oids& tables);

}  // namespace polygon::sanitize
