// What stands in the clone in the place of production's configuration.
#pragma once

#include <filesystem>
#include <string_view>

#include "common/base/result.h"

namespace polygon::bootstrap {

// Whether a bootstrap writes a file at this path itself.
bool is_own_configuration(std::string_view path);

// A postgresql.conf that no server gets past: as long as it stands there, neither PostgreSQL nor Patroni starts the
// clone.
Status bar_start(const std::filesystem::path& data_directory);

// Takes the bar away: files of our own, under which Patroni's configuration alone rules, and nobody gets in without a
// SCRAM password where Patroni sets no pg_hba.
Status write_own_configuration(const std::filesystem::path& data_directory);

// The same for a clone that Patroni will start unsanitised: settings that Patroni's cannot override have it archive
// nothing, follow no subscription and load no library until polygon-post-bootstrap takes them out.
Status write_restraining_configuration(const std::filesystem::path& data_directory, int major_version);

// What the quarantine's server has counted, and what preloaded libraries have noted of its statements.
Status remove_statistics(const std::filesystem::path& data_directory);

}  // namespace polygon::bootstrap
