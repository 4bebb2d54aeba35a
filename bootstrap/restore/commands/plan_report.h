// `polygon-bootstrap plan`: what a bootstrap would do here, for people and for programs.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "bootstrap/restore/plan.h"
#include "bootstrap/restore/space.h"
#include "bootstrap/restore/staging/old_data.h"

namespace polygon::bootstrap {

struct PlanReport {
    const Plan& plan;
    std::size_t entries = 0;           // in the data directory
    std::uint64_t occupied_bytes = 0;  // by it, without tablespaces: what wiping it gives back
    int major_version = 0;
    std::string identity;  // of the backup
    WalSize wal;
    std::vector<PlacedTablespace> tablespaces;
    std::vector<FileSystemNeed> file_systems;
    std::vector<OldTree> old_data;  // what a rebuild removes first, and Patroni's own bootstrap does not
};

std::string to_table(const PlanReport& report);
std::string to_json(const PlanReport& report);

enum class PlanFormat { table, json };

// Prints the report on stdout; writes nothing anywhere. The JSON one is of a rebuild: what that removes first is room.
// Errors, after the report: configuration (a tablespace has no place), no_space; before it: those of make_plan(), but a
// data directory that is not empty is part of the report.
Status show_plan(const Request& request, PlanFormat format, Clock& clock);

}  // namespace polygon::bootstrap
