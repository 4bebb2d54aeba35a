// Statistics hold values of the rows: the most common ones, and bounds of histograms. Of shared catalogs they are in
// the database in which somebody has analyzed them, verifiers of passwords included.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

// Of these tables, their indexes and their extended statistics. What is deleted stays in pg_statistic as dead rows,
// until rewrite_catalogs().
Status delete_statistics(postgres::Connection& session, const Oids& tables);

// Deletes those of these tables, and of what they are partitions or children of, and analyzes all of them anew. ANALYZE
// that fails is a warning: then there are none.
Status renew_statistics(postgres::Connection& session, const Oids& changed);

}  // namespace polygon::sanitize
