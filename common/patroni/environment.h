// PATRONI_* as the tree that Patroni makes of it (patroni/config.py _build_environment_configuration). Not for other
// folders.
#pragma once

#include <map>
#include <string>

#include "common/patroni/tree.h"

namespace polygon::patroni {

// The parts that Configuration reads, and the section of any DCS that is named. The place of each value is its
// variable.
Node tree_of_environment(const std::map<std::string, std::string>& environment);

}  // namespace polygon::patroni
