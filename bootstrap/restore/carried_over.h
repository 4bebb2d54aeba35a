// Which files of production's data directory the clone must not have, and what stands in their place.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace polygon::bootstrap {

// Production's configuration, access rules, Patroni's leavings, signal files, slots and statistics: verified with the
// rest of the backup, but not written. `path` is relative to the data directory.
bool is_left_out(std::string_view path);

// Of these, what may hold settings of production's: postgresql*.conf and all *.conf at the top, and what is in conf.d.
bool is_configuration(std::string_view path);
inline constexpr std::string_view kConfigurationFolder = "conf.d";

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

// A folder of PostgreSQL's own in the data directory; `path` is such a folder, or what is in one.
bool is_in_own_folder(std::string_view path);

// One line for each TLS key at the top of the data directory and in folders that are not PostgreSQL's own. It stays:
// the server may be configured to use it, and would not start.
Result<std::vector<std::string>> find_private_keys(const std::filesystem::path& data_directory);

// Removes .pgpass and the like at the same places: one line for each.
Result<std::vector<std::string>> remove_password_files(const std::filesystem::path& data_directory);

}  // namespace polygon::bootstrap
