// Whether a polygon is what it has to be, by what its nodes prove: pure functions.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bootstrap/rebuild/coordinator/follower.h"
#include "common/sanitize/certificate.h"

namespace polygon::rebuild {

// What is compared with the reports.
struct Expected {
    std::optional<std::string> proven;  // the generation that a leader has proven last
    std::vector<std::string> members;   // of before the rebuild: they have to be back
};

struct Judgement {
    // None until the leader's node has collected its part.
    std::optional<sanitize::Certificate> certificate;
    std::vector<std::string> pending;  // what may still come: "polygon3 to follow (…)"
    // Of `pending`: nothing but the word of nodes that others speak for.
    bool is_only_word_missing = false;
};

// The leader's evidence, each node's logins, and each member's standing, as one certificate.
Judgement judge(const Reported& polygon, const Expected& expected);

// What the leader's own evidence says against the polygon, which no waiting changes; empty: nothing.
std::string refutation(const Judgement& judgement);

}  // namespace polygon::rebuild
