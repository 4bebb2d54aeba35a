// A survey of three members that could begin a rebuild, polygon2 leading now.
#pragma once

#include <string>

#include "bootstrap/rebuild/coordinator/survey.h"

namespace polygon::rebuild {

inline constexpr std::uint64_t kBackupBytes = 5'000'000;

// What polygon-bootstrap plan --json prints, with this room.
std::string report_text(std::uint64_t needed_bytes, std::uint64_t free_bytes);

Survey good_survey();

}  // namespace polygon::rebuild
