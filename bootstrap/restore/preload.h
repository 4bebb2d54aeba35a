// Which of production's preload libraries the quarantine's server loads.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/binaries.h"
#include "common/postgres/generation_marker.h"

namespace polygon::bootstrap {

struct Preload {
    std::string libraries;          // a value of shared_preload_libraries
    std::vector<std::string> left;  // one line each: what is not loaded, and why
};

// Of production's list, in its order, those that are installed in the server's library directory and not known to start
// or disturb anything (sanitize::reason_not_to_preload()): one that nobody knows is loaded. What is elsewhere is not
// loaded: it may have come with the backup.
Preload choose_preload(const std::string& production, const std::optional<std::filesystem::path>& library_directory);

// Production's shared_preload_libraries, as its files were read; "" if it has none.
std::string production_preload(const postgres::GenerationMarker& marker);

// What a server of ours loads on such a clone: what the user has preloaded replaces our choice of production's.
Preload choose_preload(const patroni::QuarantineSettings& settings, const postgres::Binaries& binaries,
                       const postgres::GenerationMarker& marker);

// A server that ended may have done so for a library, or for the want of one: the hint says where they are chosen.
Error explain_failed_preload(Error error, const std::string& libraries);

}  // namespace polygon::bootstrap
