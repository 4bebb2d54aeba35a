// Whether every login that the end of a rebuild takes is let in today: pure functions over a Survey. Whoever is kept
// out after the stop was kept out before it.
#pragma once

#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/checks.h"

namespace polygon::rebuild {

// Errc::refused naming node, role, address and the server's words, and in the hint the lines that pg_hba.conf lacks.
Status check_rehearsal(const Survey& survey, const Wanted& wanted, const std::string& leader);

// Logins that nobody needs before the next failover, and what could not be tried since a server is down.
std::vector<std::string> rehearsal_warnings(const Survey& survey, const Wanted& wanted, const std::string& leader);

}  // namespace polygon::rebuild
