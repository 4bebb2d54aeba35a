// From where the tree is read: the path, PATRONI_CONFIGURATION or the environment. Not for other folders.
#pragma once

#include <string>

#include "common/patroni/configuration.h"
#include "common/patroni/tree.h"

namespace polygon::patroni {

struct LoadedTree {
    Node root;
    std::string name;  // for messages
};

// With PATRONI_* laid over it where Patroni does so: over a file, but not over PATRONI_CONFIGURATION.
Result<LoadedTree> load_sources(const ConfigurationSources& sources);

}  // namespace polygon::patroni
