// The certificate: what was checked on the running polygon and found, what was disarmed, what was left and why.
#pragma once

#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/evidence.h"

namespace polygon::sanitize {

struct Certificate {
    std::string scope;
    std::string verified_at;            // UTC
    postgres::GenerationMarker marker;  // of the leader: backup, roles, what was disarmed and left, durations
    std::vector<Check> checks;
};

// Each row and line is one of its own, whatever names production has given.
std::string to_table(const Certificate& certificate);
std::string to_json(const Certificate& certificate);
// Errc::not_proven if it is none. Sums of production's verifiers are not in the text.
Result<Certificate> parse_certificate(const std::string& text);

// Fit for a value of etcd, which takes 1.5 MiB: where production has so many roles or settings that the text would not
// be, its longest lists are cut, and say so. The whole is in polygon.json.
Certificate shortened(Certificate certificate);

// D.certificate.json beside the data directory D, replaced as a whole.
postgres::Path certificate_path(const postgres::Path& data_directory);

}  // namespace polygon::sanitize
