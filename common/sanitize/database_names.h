// Which databases of production the polygon does without, and which it has under another name.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/connection.h"

namespace polygon::sanitize {

struct DatabasePlan {
    std::map<std::string, std::string> rename;  // production's name -> the polygon's
    std::set<std::string> drop;
    std::string rename_origin;  // where the configuration says so, for messages
    std::string drop_origin;
};

// What can be said without a server. Errc::configuration for a template or `postgres`, which Patroni needs, for a
// database that is to be dropped and renamed, and for a new name that two get or that is another's old one.
Status check_plan(const DatabasePlan& plan);

// Whether the clone may have been treated before: then what is missing has gone by our own hand.
enum class Repeat { no, possible };

// Errc::configuration naming a database of the plan that the clone lacks, with those that it has, or a new name that
// another database has already. Changes nothing.
Status check_databases(postgres::Connection& session, const DatabasePlan& plan, Repeat repeat);

// Drops, then renames, also templates and those that allow no connections. Nobody may be connected to them, and no
// subscription may live in one that is dropped. Databases whose DROP was interrupted in production are dropped always.
// One line each: "dropped database audit".
Result<std::vector<std::string>> drop_and_rename(postgres::Connection& session, const DatabasePlan& plan);

}  // namespace polygon::sanitize
