// YAML as a tree that knows the file and line of each of its nodes: what the readers of this folder share. Not for
// other folders.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace polygon::patroni {

// Where a node was written.
struct Place {
    std::string file;  // "/etc/patroni.yml", or the name of a variable
    int line = 0;      // from 1; 0: not a file

    // "patroni.yml:12", or the variable's name.
    std::string brief() const;
    // "'/etc/patroni.yml' line 12", or "'PATRONI_SCOPE'".
    std::string full() const;
};

struct Node {
    enum class Kind { null, scalar, list, map };
    using Entry = std::pair<std::string, Node>;

    Kind kind = Kind::null;
    std::string scalar;
    std::vector<Node> items;
    std::vector<Entry> entries;
    Place place;

    bool is_map() const { return kind == Kind::map; }
    bool is_null() const { return kind == Kind::null; }
    bool is_scalar() const { return kind == Kind::scalar; }

    // The entry of this name, if this is a map that has it.
    const Node* find(std::string_view name) const;
    Node* find(std::string_view name);
    // "postgresql.authentication.superuser": a way down; nothing as well where it ends in null.
    const Node* find_path(std::string_view dotted) const;
    // The entry of this name, made if need be; a node that is no map becomes one.
    Node& at(std::string_view name);
    void erase(std::string_view name);
};

Node make_scalar(std::string text, Place place);

// As PyYAML's safe_load reads it, `<<` included; of a key given twice the last counts. `file` is for the places.
Result<Node> parse_yaml(const std::string& text, const std::string& file);

// The file, or all *.yml and *.yaml of the folder in the order of their names, each merged over those before.
Result<Node> load_yaml(const std::filesystem::path& path);

// Lays `patch` over `base` as patroni/utils.py patch_config() does: maps are merged, null removes, the rest replaces.
void merge(Node& base, const Node& patch);

}  // namespace polygon::patroni
