// Which extensions a database has, for those that act by themselves.
#pragma once

#include <map>
#include <string>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

// Name and schema of each extension of the session's database. What an extension keeps is looked for by its name, not
// by the table's alone: an application may have a table cron.job of its own.
Result<std::map<std::string, std::string>> read_extensions(postgres::Connection& session);

Result<bool> has_table(postgres::Connection& session, const std::string& schema, const std::string& name);

}  // namespace polygon::sanitize
