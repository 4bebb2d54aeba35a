// Jobs that extensions and schedulers run by themselves: pg_cron, pgAgent, pg_partman's maintenance, TimescaleDB's
// policies, pg_timetable's chains.
#pragma once

#include <string>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"

namespace polygon::sanitize {

// "3 active jobs of pg_cron (cron.job)" for each of them that has any in the session's database, installed as an
// extension or by its own script. Of a version
// whose jobs are not where they are looked for: "extension pg_cron: its jobs are not known here".
Result<Lines> find_jobs(postgres::Connection& session);

// The same lines, for the jobs that it switches off; Errc::unsupported for those that are not known, for they might go
// on running. In a shielded session, where no trigger fires.
Result<Lines> switch_off_jobs(postgres::Connection& session);

}  // namespace polygon::sanitize
