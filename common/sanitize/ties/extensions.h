// Which extensions a database has, for those that act by themselves.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Name and schema of each extension of the session's database. What an extension keeps is looked for by its name, not
// by the table's alone: an application may have a table cron.job of its own.
Result<std::map<std::string, std::string>> read_extensions(postgres::Connection& session);

// Schemas that have a table of this name with these columns ("jobid,jobenabled"), whoever has made it: a tool may be
// installed by a script of its own, without CREATE EXTENSION. `schema`: that one alone; null: any.
Result<std::vector<std::string>> find_by_columns(postgres::Connection& session, const char* schema,
                                                 const std::string& table, const std::string& columns);

Result<bool> has_table(postgres::Connection& session, const std::string& schema, const std::string& name);

}  // namespace polygon::sanitize
