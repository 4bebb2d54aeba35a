// What is to become of a clone, as Patroni's configuration and its `polygon:` section say it.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_settings.h"
#include "common/sanitize/database_names.h"
#include "common/sanitize/masking/masking.h"
#include "common/sanitize/roles.h"
#include "common/sanitize/ties/ties.h"

namespace polygon::sanitize {

struct Policy {
    std::string superuser;  // Patroni's
    RolePlan roles;
    TiePlan ties;
    DatabasePlan databases;
    std::vector<SqlFile> sql;  // what masks its data, in order
    OldRows old_rows = OldRows::left;
};

// Reads the passwords and looks for the SQL; at no server. Errors: configuration (one of Patroni's roles in
// roles.passwords, a database that must not be dropped or renamed, one that is named twice, and find_sql_files()'s),
// secret_unreadable.
Result<Policy> make_policy(const patroni::Configuration& configuration, const patroni::PolygonSettings& settings,
                           const patroni::Environment& environment);

}  // namespace polygon::sanitize
