// A rebuild that could begin: what `plan` shows and `run` asks about.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/checks.h"
#include "bootstrap/rebuild/coordinator/survey.h"

namespace polygon::rebuild {

struct Proposal {
    std::string scope;
    Survey survey;
    Wanted wanted;
    std::string leader;               // empty: nobody could
    std::optional<Error> in_the_way;  // why it would be refused
    std::vector<std::string> warnings;
    std::optional<double> last_outage;  // seconds; none: not measured yet
};

// Everything is decided, and nothing is written.
Proposal make_proposal(const std::string& scope, Survey survey, const Wanted& wanted,
                       const std::optional<double>& last_outage);

std::string to_table(const Proposal& proposal);
std::string to_json(const Proposal& proposal);

// Of the proposal, if nothing is in its way.
etcd::Plan make_plan(const Proposal& proposal, const std::string& generation, const std::string& requested_at,
                     const std::string& replaced_generation);

}  // namespace polygon::rebuild
