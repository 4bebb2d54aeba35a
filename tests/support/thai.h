// Production's data: database "thai", see thai.sql.
#pragma once

#include <map>
#include <string>

#include "tests/support/cluster.h"

namespace polygon::support {

// Roles app and report, the database, its tables. On the leader of a healthy cluster.
Status load_thai(Workspace& workspace, Cluster& cluster, int tickets);

// Of every table and the view, and of those that dangers.h adds, the number of rows and a sum over their text,
// "600000/-123", or "absent"; of the sequence, whether it is ahead of the numbers given out.
using Contents = std::map<std::string, std::string>;
Result<Contents> read_thai(Database& database);

}  // namespace polygon::support
