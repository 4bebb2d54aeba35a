// What production's configuration files say, none of which comes to the clone.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/restore/production_files.h"
#include "common/base/result.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

struct ProductionSettings {
    std::vector<postgres::LeftSetting> settings;  // by name, each once: the last one that PostgreSQL reads
    std::vector<std::string> included;            // paths that include directives name, below the data directory
    std::vector<std::string> log_directories;     // that log_directory names there, whichever file is in force
    std::vector<std::string> problems;            // one line each: what could not be read or understood
};

// As PostgreSQL reads them: postgresql.conf with what it includes in place, then postgresql.auto.conf. Of pg_hba.conf
// and pg_ident.conf the includes alone. Whatever the files hold is no error.
ProductionSettings read_production_settings(const ProductionFiles& files);

// Takes what was included and the server's logs out of the clone, tells the log, and fills in what the marker says of
// it.
Status leave_settings_behind(const ProductionFiles& files, postgres::GenerationMarker& marker);

}  // namespace polygon::bootstrap
