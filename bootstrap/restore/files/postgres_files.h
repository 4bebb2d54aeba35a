// Which files a data directory of PostgreSQL 13 to 18 holds, and which of them a clone needs.
#pragma once

#include <string_view>

namespace polygon::bootstrap {

enum class Provenance {
    data,       // PostgreSQL's own, needed: files, and the folders that it expects
    transient,  // PostgreSQL's own, of use to that server alone: statistics, slots, temporary files, signals
    foreign     // not PostgreSQL's, or configuration
};

// `path` is relative to the data directory and in its normal form: "base/5/1259", "pg_wal", "pg_tblspc/16384".
// `major_version` decides whose version folders of tablespaces count; 0: not known, every version's.
Provenance provenance_of(std::string_view path, int major_version = 0);

}  // namespace polygon::bootstrap
