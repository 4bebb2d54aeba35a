// What a bootstrap would do, decided and checked before anything is written.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/restore/bootstrap.h"
#include "bootstrap/restore/files/carried_files.h"
#include "bootstrap/restore/sources/data_source.h"
#include "common/backup/restore.h"
#include "common/patroni/configuration.h"
#include "common/postgres/binaries.h"
#include "common/postgres/data_directory.h"
#include "common/sanitize/policy.h"

namespace polygon::bootstrap {

struct Plan {
    patroni::Configuration configuration;
    patroni::PolygonSettings settings;
    postgres::Places places;
    DataSource source;
    std::vector<backup::PassedOver> passed_over;
    postgres::Binaries binaries;  // of a filling command: known when it has filled
    std::string generation;
    sanitize::Policy policy;
    FileRules files;
    std::vector<std::string> excluded_files;  // as far as the backup's manifest names them
};

// bootstrap: Patroni waits for a data directory, which has to be empty; staging: the clone is made beside a polygon
// that runs; report: nothing is made, and what a rebuild would set aside is in nobody's way.
enum class Purpose { bootstrap, staging, report };

// Patroni's configuration, of the scope that the caller says. Errors: configuration, unsupported.
Result<patroni::Configuration> load_configuration(const Request& request);

// D and its companions, as the request or else the configuration has it.
postgres::Places find_places(const Request& request, const patroni::Configuration& configuration);

// Errors: data_directory_occupied, data_directory_invalid, configuration, unsupported, backup_*, version_mismatch,
// connection, secret_unreadable, etcd_unavailable, conflict (another member is to lead the planned rebuild, no such
// thing is asked for now, or the planned backup was replaced).
Result<Plan> make_plan(const Request& request, Clock& clock, Purpose purpose = Purpose::bootstrap);

// Production's path of each tablespace, and the one here, not staged.
backup::TablespaceMapping tablespace_mapping(const Plan& plan);

// Those of postgresql.bin_dir, which have to be of this major version; `what` is of it, for the message.
// Errors: process_failed, version_mismatch.
Result<postgres::Binaries> find_matching_binaries(const patroni::Configuration& configuration, const std::string& what,
                                                  int major_version, Clock& clock);

}  // namespace polygon::bootstrap
