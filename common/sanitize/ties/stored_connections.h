// Tables in which replication tools, schedulers and the like keep to whom they connect, with passwords.
#pragma once

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/findings.h"
#include "common/sanitize/old_rows.h"

namespace polygon::sanitize {

// "2 connections stored by Slony-I (sl_path.pa_conninfo)" for each of the session's database that has any, whether it
// came as an extension or by a script of its own.
Result<Lines> find_stored_connections(postgres::Connection& session);

// The tables that hold them, or held them once: what production has deleted there is in dead rows.
Result<Oids> find_tables_of_connections(postgres::Connection& session);

// The same lines, of what it overwrites. In a shielded session.
Result<Lines> overwrite_stored_connections(postgres::Connection& session);

}  // namespace polygon::sanitize
