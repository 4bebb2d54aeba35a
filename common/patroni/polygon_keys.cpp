#include "common/patroni/polygon_keys.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <set>
#include <string_view>

#include <fmt/format.h>

#include "common/base/suggestion.h"

namespace polygon::patroni {
namespace {

constexpr std::string_view kPrefix = "POLYGON_";
constexpr std::string_view kConfigVariable = "POLYGON_CONFIG";  // where the file is: not a key

const std::array<Key, 35> kKeys = {
    Key{"source.directory"},
    Key{"source.connection"},
    Key{"source.command"},
    Key{"source.max_rate"},
    Key{"source.compression"},
    Key{"source.verify"},
    Key{"recovery.restore_command"},
    Key{"recovery.target_time"},
    Key{"recovery.target_lsn"},
    Key{"recovery.target_xid"},
    Key{"recovery.target_name"},
    Key{"recovery.target_timeline"},
    Key{"recovery.target_inclusive"},
    Key{"tablespaces", Shape::map},
    Key{"system_identifier"},
    Key{"quarantine.mode"},
    Key{"quarantine.isolation"},
    Key{"quarantine.parameters", Shape::map},
    Key{"quarantine.timeout"},
    Key{"roles.unlisted"},
    Key{"roles.keep", Shape::list},
    Key{"roles.passwords", Shape::map},
    Key{"databases.rename", Shape::map},
    Key{"databases.drop", Shape::list},
    Key{"subscriptions"},
    Key{"jobs"},
    Key{"foreign_servers"},
    Key{"extensions.keep", Shape::list},
    Key{"files.keep", Shape::list},
    Key{"files.exclude", Shape::list},
    Key{"sql"},
    Key{"masking.rewrite"},
    Key{"replicas"},
    Key{"staging.directory"},
    Key{"staging.previous"},
};

// Of these a configuration has one; the other keys of `source` say more about it.
bool names_source(std::string_view path) {
    return path == "source.directory" || path == "source.connection" || path == "source.command";
}

bool is_recovery_target(std::string_view path) {
    return path == "recovery.target_time" || path == "recovery.target_lsn" || path == "recovery.target_xid" ||
           path == "recovery.target_name";
}

const Key* find_key(std::string_view path) {
    for (const Key& key : kKeys) {
        if (key.path == path) return &key;
    }
    return nullptr;
}

// The names that may stand directly below `group` ("" or "roles.").
std::vector<std::string> names_below(const std::string& group) {
    std::vector<std::string> names;
    for (const Key& key : kKeys) {
        if (!key.path.starts_with(group)) continue;
        const std::string rest = key.path.substr(group.size());
        const std::string name = rest.substr(0, rest.find('.'));
        if (names.empty() || names.back() != name) names.push_back(name);
    }
    return names;
}

std::string hint_for(const std::string& name, const std::vector<std::string>& known) {
    if (const auto nearest = nearest_name(name, known)) return fmt::format("Did you mean '{}'?", *nearest);
    std::string list;
    for (const std::string& candidate : known)
        list += (list.empty() ? "" : ", ") + candidate;
    return fmt::format("Known are {}.", list);
}

Status check_group(const Node& node, const std::string& group) {
    if (!node.is_map() && !node.is_null()) {
        const std::string path = group.empty() ? "polygon" : "polygon." + group.substr(0, group.size() - 1);
        return Error{Errc::configuration, fmt::format("'{}' in {} is not a mapping", path, node.place.full()), ""};
    }
    const std::vector<std::string> known = names_below(group);
    for (const auto& [name, value] : node.entries) {
        if (std::find(known.begin(), known.end(), name) == known.end()) {
            return unknown_key("polygon." + group + name, name, value.place, known);
        }
        if (find_key(group + name) == nullptr) TRY(check_group(value, group + name + "."));
    }
    return {};
}

void set_value(Node& section, std::string_view path, const std::string& value, const Place& place) {
    Node* node = &section;
    while (true) {
        const std::size_t dot = path.find('.');
        node = &node->at(path.substr(0, dot));
        if (dot == std::string_view::npos) break;
        path.remove_prefix(dot + 1);
    }
    *node = value.empty() ? Node{} : make_scalar(value, place);
}

// One value that a layer lays over the section.
struct Laid {
    const Key* key = nullptr;
    std::string value;  // empty: says "none"
    Place place;
};

// One layer of values over those below it.
class Layer {
  public:
    explicit Layer(Node& section) : section_(section) {}

    // What names a source first: it takes all of `source` below it along, and would take what this layer says about
    // it as well.
    Status set_all(const std::vector<Laid>& values) {
        for (const bool is_first : {true, false}) {
            for (const Laid& laid : values) {
                if (names_source(laid.key->path) == is_first) TRY(set(*laid.key, laid.value, laid.place));
            }
        }
        return {};
    }

  private:
    Status set(const Key& key, const std::string& value, const Place& place) {
        if (key.shape != Shape::scalar) {
            return Error{Errc::configuration, fmt::format("{} cannot be given as one value", place.full()),
                         fmt::format("Write 'polygon.{}' into Patroni's file.", key.path)};
        }
        if (names_source(key.path) && !value.empty() && !has_source_) {
            section_.erase("source");
            has_source_ = true;
        }
        if (is_recovery_target(key.path) && !value.empty() && !has_target_) {
            erase_targets();
            has_target_ = true;
        }
        set_value(section_, key.path, value, place);
        return {};
    }

    void erase_targets() {
        Node* recovery = section_.find("recovery");
        if (recovery == nullptr) return;
        for (const char* name : {"target_time", "target_lsn", "target_xid", "target_name"})
            recovery->erase(name);
    }

    Node& section_;
    bool has_source_ = false;
    bool has_target_ = false;
};

// A password may well be in a variable that begins as ours do.
std::set<std::string> password_variables(const Node& section) {
    std::set<std::string> names;
    if (const Node* passwords = section.find_path("roles.passwords")) {
        for (const auto& [role, where] : passwords->entries) {
            if (const Node* variable = where.find("env")) names.insert(variable->scalar);
        }
    }
    return names;
}

Error unknown_variable(const std::string& name) {
    std::vector<std::string> known;
    for (const Key& key : kKeys) {
        if (key.shape == Shape::scalar) known.push_back(variable_of(key.path));
    }
    return {Errc::configuration, fmt::format("unknown variable '{}' in the environment", name), hint_for(name, known)};
}

}  // namespace

std::span<const Key> polygon_keys() {
    return kKeys;
}

std::string variable_of(const std::string& path) {
    std::string name(kPrefix);
    for (const char c : path)
        name += c == '.' ? '_' : static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
    return name;
}

Error unknown_key(const std::string& path, const std::string& name, const Place& place,
                  const std::vector<std::string>& known) {
    return {Errc::configuration, fmt::format("unknown key '{}' in {}", path, place.full()), hint_for(name, known)};
}

Status check_keys(const Node& section) {
    return check_group(section, "");
}

Status apply_environment(Node& section, const std::map<std::string, std::string>& environment) {
    const std::set<std::string> of_passwords = password_variables(section);
    std::vector<Laid> values;
    for (const auto& [name, value] : environment) {
        if (!name.starts_with(kPrefix) || name == kConfigVariable || of_passwords.contains(name)) continue;
        const auto key =
            std::find_if(kKeys.begin(), kKeys.end(), [&](const Key& known) { return variable_of(known.path) == name; });
        if (key == kKeys.end()) return unknown_variable(name);
        if (!value.empty()) values.push_back({&*key, value, {name, 0}});
    }
    return Layer(section).set_all(values);
}

Status apply_overrides(Node& section, const Overrides& overrides) {
    std::vector<Laid> values;
    for (const auto& [path, value] : overrides) {
        const Place place{"--set " + path, 0};
        const Key* key = find_key(path);
        if (key == nullptr) {
            std::vector<std::string> known;
            for (const Key& candidate : kKeys)
                known.push_back(candidate.path);
            return Error{Errc::configuration, fmt::format("unknown key {}", place.full()), hint_for(path, known)};
        }
        values.push_back({key, value, place});
    }
    return Layer(section).set_all(values);
}

}  // namespace polygon::patroni
