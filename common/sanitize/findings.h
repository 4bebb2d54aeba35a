// What became of the things that tie a clone to production, one line each, for the log and the certificate.
#pragma once

#include <string>
#include <vector>

namespace polygon::sanitize {

using Lines = std::vector<std::string>;

struct Findings {
    Lines disarmed;  // "database thai: dropped subscription 'orders'"
    Lines left;      // "database thai: foreign server 'partner' of postgres_fdw, to partner.example", and why
};

}  // namespace polygon::sanitize
