// The certificate: what was checked on the running polygon, and what was found.
#pragma once

#include <string>
#include <vector>

#include "common/sanitize/evidence.h"

namespace polygon::rebuild {

struct Certificate {
    std::string scope;
    std::string generation;
    std::string verified_at;  // UTC
    std::string marker;       // polygon.json of the leader, as JSON: backup, roles, what was disarmed, durations
    std::vector<sanitize::Check> checks;
};

std::string to_table(const Certificate& certificate);
std::string to_json(const Certificate& certificate);

}  // namespace polygon::rebuild
