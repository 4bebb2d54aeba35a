// The stand's own variants of patroni-configs, which go on being what the documentation shows.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "tests/support/workspace.h"

namespace polygon::support {

struct Insertion {
    std::string_view after;  // a whole line of the base, without its end
    std::string_view lines;
};

// Makes what Workspace::patroni_config(name) gives: the file of `base` with these lines in it. Errc::configuration if
// the base has no such line.
Status write_config_variant(const Workspace& workspace, const std::string& base, const std::string& name,
                            std::span<const Insertion> insertions);

}  // namespace polygon::support
