#include "common/patroni/tree.h"

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fmt/format.h>
#include <yaml-cpp/yaml.h>

namespace polygon::patroni {
namespace {

namespace filesystem = std::filesystem;

constexpr const char* kPathHint = "Name Patroni's YAML file, or the folder that holds it.";
constexpr const char* kMergeKey = "<<";

Node convert(const YAML::Node& yaml, const std::string& file);

void set_entry(Node& map, const std::string& name, Node value) {
    map.at(name) = std::move(value);
}

// `<<: *base` or `<<: [*a, *b]`: entries that the map lacks, the first to have one wins.
void merge_defaults(Node& map, const Node& defaults) {
    for (const Node& item : defaults.items)
        merge_defaults(map, item);
    for (const auto& [name, value] : defaults.entries) {
        if (map.find(name) == nullptr) set_entry(map, name, value);
    }
}

void convert_map(const YAML::Node& yaml, const std::string& file, Node& map) {
    std::vector<Node> defaults;
    for (const auto& entry : yaml) {
        const std::string name = entry.first.IsScalar() ? entry.first.Scalar() : std::string("null");
        Node value = convert(entry.second, file);
        // An unknown key is reported where the key stands; an alias, not where its anchor does.
        value.place.line = entry.first.Mark().line + 1;
        if (name == kMergeKey) {
            defaults.push_back(std::move(value));
        } else {
            set_entry(map, name, std::move(value));
        }
    }
    for (const Node& node : defaults)
        merge_defaults(map, node);
}

Node convert(const YAML::Node& yaml, const std::string& file) {
    Node node;
    node.place = {file, yaml.Mark().line + 1};
    switch (yaml.Type()) {
        case YAML::NodeType::Undefined:
        case YAML::NodeType::Null:
            break;
        case YAML::NodeType::Scalar:
            node.kind = Node::Kind::scalar;
            node.scalar = yaml.Scalar();
            break;
        case YAML::NodeType::Sequence:
            node.kind = Node::Kind::list;
            for (const YAML::Node& item : yaml)
                node.items.push_back(convert(item, file));
            break;
        case YAML::NodeType::Map:
            node.kind = Node::Kind::map;
            convert_map(yaml, file, node);
            break;
    }
    return node;
}

Result<std::string> read_text(const filesystem::path& path) {
    std::ifstream stream(path, std::ios::binary);
    std::ostringstream text;
    if (stream) text << stream.rdbuf();
    if (!stream) {
        return errno_error(Errc::configuration, fmt::format("cannot read '{}'", path.string()), errno, kPathHint);
    }
    return std::move(text).str();
}

bool is_yaml_file(const filesystem::directory_entry& entry) {
    const std::string name = entry.path().filename().string();
    std::error_code ignored;
    return (name.ends_with(".yml") || name.ends_with(".yaml")) && entry.is_regular_file(ignored);
}

Result<std::vector<filesystem::path>> list_files(const filesystem::path& path) {
    std::error_code error;
    if (!filesystem::is_directory(path, error)) return std::vector<filesystem::path>{path};
    std::vector<filesystem::path> files;
    for (filesystem::directory_iterator it(path, error), end; !error && it != end; it.increment(error)) {
        if (is_yaml_file(*it)) files.push_back(it->path());
    }
    if (error) {
        return Error{Errc::configuration, fmt::format("cannot read '{}': {}", path.string(), error.message()),
                     kPathHint};
    }
    if (files.empty()) {
        return Error{Errc::configuration, fmt::format("no *.yml or *.yaml in '{}'", path.string()), kPathHint};
    }
    std::sort(files.begin(), files.end());
    return files;
}

}  // namespace

std::string Place::brief() const {
    return line == 0 ? file : fmt::format("{}:{}", filesystem::path(file).filename().string(), line);
}

std::string Place::full() const {
    return line == 0 ? fmt::format("'{}'", file) : fmt::format("'{}' line {}", file, line);
}

const Node* Node::find(std::string_view name) const {
    for (const Entry& entry : entries) {
        if (entry.first == name) return &entry.second;
    }
    return nullptr;
}

Node* Node::find(std::string_view name) {
    return const_cast<Node*>(std::as_const(*this).find(name));
}

const Node* Node::find_path(std::string_view dotted) const {
    const Node* node = this;
    while (node != nullptr && !dotted.empty()) {
        const std::size_t dot = std::min(dotted.find('.'), dotted.size());
        node = node->find(dotted.substr(0, dot));
        dotted.remove_prefix(std::min(dot + 1, dotted.size()));
    }
    return node == nullptr || node->is_null() ? nullptr : node;
}

Node& Node::at(std::string_view name) {
    kind = Kind::map;
    if (Node* found = find(name)) return *found;
    return entries.emplace_back(std::string(name), Node{}).second;
}

void Node::erase(std::string_view name) {
    std::erase_if(entries, [&](const Entry& entry) { return entry.first == name; });
}

Node make_scalar(std::string text, Place place) {
    Node node;
    node.kind = Node::Kind::scalar;
    node.scalar = std::move(text);
    node.place = std::move(place);
    return node;
}

Result<Node> parse_yaml(const std::string& text, const std::string& file) {
    try {
        return convert(YAML::Load(text), file);
    } catch (const YAML::Exception& error) {
        return Error{Errc::configuration,
                     fmt::format("'{}' line {} is not YAML: {}", file, error.mark.line + 1, error.msg), ""};
    }
}

Result<Node> load_yaml(const filesystem::path& path) {
    Node all;
    all.kind = Node::Kind::map;
    for (const filesystem::path& file : TRY(list_files(path))) {
        const std::string text = TRY(read_text(file));
        const Node node = TRY(parse_yaml(text, file.string()));
        if (!node.is_map() && !node.is_null()) {
            return Error{Errc::configuration, fmt::format("'{}' is not a YAML mapping", file.string()), kPathHint};
        }
        merge(all, node);
    }
    return all;
}

void merge(Node& base, const Node& patch) {
    for (const auto& [name, value] : patch.entries) {
        Node* found = base.find(name);
        if (value.is_null()) {
            base.erase(name);
        } else if (found != nullptr && found->is_map() && value.is_map()) {
            merge(*found, value);
        } else {
            set_entry(base, name, value);
        }
    }
}

}  // namespace polygon::patroni
