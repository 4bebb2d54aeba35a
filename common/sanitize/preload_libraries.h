// Preload libraries that the quarantine does without.
#pragma once

#include <optional>
#include <string_view>

namespace polygon::sanitize {

// Why this library of shared_preload_libraries ("pg_cron", without directory and ending) is not loaded where
// production's data has not been sanitised yet: "it runs jobs". Nothing for one that waits to be called, or that is not
// known.
std::optional<std::string_view> reason_not_to_preload(std::string_view library);

}  // namespace polygon::sanitize
