// What a bootstrap would do, decided and checked before anything is written.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/sources/data_source.h"
#include "common/backup/restore.h"
#include "common/patroni/configuration.h"
#include "common/postgres/binaries.h"
#include "common/postgres/data_directory.h"
#include "common/sanitize/roles.h"
#include "common/sanitize/sql_files.h"
#include "common/sanitize/ties.h"

namespace polygon::bootstrap {

struct Plan {
    patroni::Configuration configuration;
    patroni::PolygonSettings settings;
    postgres::Places places;
    DataSource source;
    std::vector<backup::PassedOver> passed_over;
    postgres::Binaries binaries;  // of a filling command: known when it has filled
    std::string generation;
    std::string superuser;
    sanitize::RolePlan roles;
    sanitize::TiePlan ties;
    std::vector<sanitize::SqlFile> sql;  // what masks the clone's data, in order
};

// Whether a data directory with something in it is an error, as for who is about to fill it, or will have been set
// aside by then.
enum class Occupied { refused, will_be_set_aside };

// Errors: data_directory_occupied, configuration, unsupported, backup_*, version_mismatch, connection,
// secret_unreadable, etcd_unavailable, conflict (another member is to lead the planned rebuild).
Result<Plan> make_plan(const Request& request, Clock& clock, Occupied occupied = Occupied::refused);

// Production's path of each tablespace, and the one here, not staged.
backup::TablespaceMapping tablespace_mapping(const Plan& plan);

// Those of postgresql.bin_dir, which have to be of this major version; `what` is of it, for the message.
// Errors: process_failed, version_mismatch.
Result<postgres::Binaries> find_matching_binaries(const patroni::Configuration& configuration, const std::string& what,
                                                  int major_version, Clock& clock);

}  // namespace polygon::bootstrap
