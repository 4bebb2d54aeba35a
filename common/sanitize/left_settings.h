// Which of production's settings an application would miss, and whose values may be told.
#pragma once

#include <string>
#include <string_view>

#include "common/postgres/generation_marker.h"

namespace polygon::sanitize {

// In polygon.json's "left", where the backup has no postgresql.conf.
inline constexpr std::string_view kConfigurationNotInBackup =
    "production's postgresql.conf is not in the backup: what it sets is not known";

// Whether queries may give other results, or fail, without it: locale and text, search_path, preloaded libraries,
// defaults of transactions, timeouts, limits on locks and prepared transactions, and every extension's setting. `name`
// is in lower case.
bool matters_to_behaviour(std::string_view name);

// A switch, a number with PostgreSQL's units, or one of the few whose words say nothing of secrets; and nothing at all
// whose name speaks of passwords, keys, connections or commands.
bool is_safe_to_tell(std::string_view name, std::string_view value);

// "23 not carried over; of these matter to behaviour: lc_time, shared_preload_libraries", for the certificate.
std::string describe_left_settings(const postgres::GenerationMarker& marker);

}  // namespace polygon::sanitize
