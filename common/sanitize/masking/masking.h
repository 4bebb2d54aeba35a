// The user's SQL on the clone, before anybody can reach it: databases side by side, each one's files in order.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/databases.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/masking/psql_run.h"
#include "common/sanitize/masking/sql_files.h"

namespace polygon::sanitize {

// Whether tables with old row versions are named, or rewritten.
enum class OldRows { left, rewritten };

struct Masking {
    std::vector<SqlFile> files;
    PsqlSession session;                         // a superuser's
    std::map<std::string, std::string> renamed;  // production's name of a database -> its name now
    OldRows old_rows = OldRows::left;
    ConnectTo connect_to;  // as the same superuser
};

// What was run, and which values of before are still in the files, one line each.
struct Masked {
    Lines runs;         // "10-customers.sql in thai, 1.2 s", by database
    Lines old_rows;     // "table shop.customers of database thai"
    Lines unrefreshed;  // "materialized view shop.totals of database thai"
};

// Runs each file by psql in its database, or in every one that is no template, those that allow no connections
// included; as many databases at a time as there are cores (2 to 8). Each file is one transaction. Event triggers are
// out of force for that time. The first failure ends the others too, and what earlier files did stays done.
// When the files of a database are done, the statistics of what they have changed are made anew: they hold values too.
// Errors: configuration, before anything is run, for a database that is not there; database; connection;
// process_failed (no psql); timeout, with file and database. After any of them, as after success, databases allow
// connections and event triggers are enabled as before, unless the server is gone or this process was killed.
Result<Masked> run_sql(const Masking& masking, Clock& clock, const Deadline& deadline);

// Into polygon.json, and into the log what is left.
void record(Masked masked, postgres::GenerationMarker& marker);

}  // namespace polygon::sanitize
