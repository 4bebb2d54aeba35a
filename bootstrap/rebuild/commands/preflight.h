// Asks every agent what it would do.
#pragma once

#include <string>

#include "bootstrap/rebuild/commands/terminal_operator.h"
#include "bootstrap/rebuild/coordinator/rebuild_store.h"
#include "bootstrap/rebuild/coordinator/survey.h"
#include "common/base/result.h"

namespace polygon::rebuild {

struct Answered {
    Situation situation;  // as it was when all had answered, or their time was over
    Survey survey;
};

// The request goes with `lease`. Errc::refused if a rebuild is under way already, or a signal comes; Errc::conflict if
// somebody else is asking.
Result<Answered> ask_nodes(RebuildStore& store, const std::string& id, etcd::LeaseId lease, TerminalOperator& person,
                           Clock& clock);

}  // namespace polygon::rebuild
