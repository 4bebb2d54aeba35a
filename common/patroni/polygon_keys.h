// The table of the keys of the `polygon:` section, and what is no key. Not for other folders.
#pragma once

#include <map>
#include <span>
#include <string>
#include <vector>

#include "common/patroni/polygon_settings.h"
#include "common/patroni/tree.h"

namespace polygon::patroni {

enum class Shape { scalar, list, map };

struct Key {
    std::string path;  // "source.directory"
    Shape shape = Shape::scalar;
};

std::span<const Key> polygon_keys();

// "POLYGON_SOURCE_DIRECTORY".
std::string variable_of(const std::string& path);

// Errc::configuration for the first entry below `section` that is no key, with the nearest of its siblings as hint.
Status check_keys(const Node& section);

// Lays POLYGON_* and then `overrides` over `section`; the place of each value says which it was. A source given by one
// of them replaces any other below it, with what was said about it; so does a recovery target. Errc::configuration for
// what is no key or is no plain value.
Status apply_environment(Node& section, const std::map<std::string, std::string>& environment);
Status apply_overrides(Node& section, const Overrides& overrides);

// "unknown key 'polygon.roles.unlistd' in '/etc/patroni.yml' line 31", and which of `known` may have been meant.
Error unknown_key(const std::string& path, const std::string& name, const Place& place,
                  const std::vector<std::string>& known);

}  // namespace polygon::patroni
