// Row versions that are dead but still in a table's file, where anybody finds them who reads the file: which tables
// have them, and how they go.
#pragma once

#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"
#include "common/sanitize/databases.h"

namespace polygon::sanitize {

using Oids = std::set<std::string>;  // of pg_class, as text

// Tables of one database: ordinary ones, partitions, materialized views, and pg_largeobject.
struct ChangedTables {
    Oids changed;        // written to, truncated, refreshed, altered
    Oids with_old_rows;  // of these: rows were updated or deleted, or a column was dropped
};

// What the transaction in which it is run has changed, up to then: a query with a row for each table, its OID and
// whether it has old rows. By the locks that a transaction keeps to its end, and by its statistics.
// Where the server collects none (PostgreSQL 13 and 14 in the quarantine), every table that was written to counts as
// one with old rows.
std::string changed_tables_query();

void add_changed(ChangedTables& tables, const std::string& oid, bool has_old_rows);

// Of a table by its schema and name, quoted where they have to be.
Result<std::string> oid_of(postgres::Connection& session, const std::string& table);

// As an array of oid, "{16384,16390}".
std::string to_array(const Oids& oids);

// "public.\"my table\"" of each that is of one of these kinds, "{r,m}".
Result<std::vector<std::string>> names_of(postgres::Connection& session, const Oids& tables, const std::string& kinds);

// VACUUM FULL of those that are still there, outside a transaction.
Status rewrite_tables(postgres::Connection& session, const Oids& tables);

// Rewrites the system catalogs that hold what sanitising removes, of every database but template0, and those that
// databases share, without their statistics: what production itself has dropped or changed before its backup goes
// along. Nobody else may be at work whose snapshot would still see old rows.
Status rewrite_catalogs(const ConnectTo& connect_to);

}  // namespace polygon::sanitize
