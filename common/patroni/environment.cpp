#include "common/patroni/environment.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <initializer_list>
#include <string_view>

#include "common/base/ascii.h"

namespace polygon::patroni {
namespace {

constexpr std::string_view kPrefix = "PATRONI_";

std::string to_upper(std::string text) {
    std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
    return text;
}

class Reader {
  public:
    explicit Reader(const std::map<std::string, std::string>& environment) : environment_(environment) {}

    // PATRONI_<PREFIX><NAME> of each name, into `section`; an empty variable is none.
    void take(Node& section, const std::string& prefix, std::initializer_list<std::string_view> names) const {
        for (const std::string_view name : names) {
            const std::string variable = std::string(kPrefix) + to_upper(prefix + std::string(name));
            const auto found = environment_.find(variable);
            if (found == environment_.end() || found->second.empty()) continue;
            section.at(name) = make_scalar(found->second, {variable, 0});
        }
    }

    // As take(), into the entry `name` of `section`, which is made only if there is something to hold.
    void take_section(Node& section, const std::string& name, const std::string& prefix,
                      std::initializer_list<std::string_view> names) const {
        Node found;
        take(found, prefix, names);
        if (found.is_map()) merge_into(section.at(name), found);
    }

  private:
    static void merge_into(Node& section, const Node& found) {
        section.kind = Node::Kind::map;
        merge(section, found);
    }

    const std::map<std::string, std::string>& environment_;
};

// config.py's _parse_list: YAML, in brackets unless it is a list already; as text if it is not YAML.
Node parse_list(const std::string& text, const std::string& variable) {
    const bool is_list = text.find('[') != std::string::npos || text.find_first_not_of(" \t\n") == text.find('-');
    Result<Node> list = parse_yaml(is_list ? text : "[" + text + "]", variable);
    if (!list) return make_scalar(text, {variable, 0});
    for (Node& item : list->items)
        item.place.line = 0;
    list->place.line = 0;
    return *list;
}

// PATRONI_<DCS>_HOST and the like: any name makes a section, as it does in Patroni.
void take_dcs(Node& root, const std::map<std::string, std::string>& environment) {
    static constexpr std::array<std::string_view, 16> kSuffixes = {
        "HOST",  "HOSTS",  "PORT", "USE_PROXIES", "PROTOCOL", "SRV",       "SRV_SUFFIX", "URL",
        "PROXY", "CACERT", "CERT", "KEY",         "VERIFY",   "NAMESPACE", "GROUP",      "DATABASE"};
    for (const auto& [variable, value] : environment) {
        if (!variable.starts_with(kPrefix)) continue;
        const std::string rest = variable.substr(kPrefix.size());
        const std::size_t underscore = rest.find('_');
        if (underscore == std::string::npos || underscore == 0 || rest.starts_with("CTL_")) continue;
        const std::string suffix = rest.substr(underscore + 1);
        if (std::find(kSuffixes.begin(), kSuffixes.end(), suffix) == kSuffixes.end()) continue;
        Node& section = root.at(to_lower(rest.substr(0, underscore)));
        section.place = {variable, 0};
        section.at(to_lower(suffix)) =
            suffix == "HOSTS" ? parse_list(value, variable) : make_scalar(value, {variable, 0});
    }
}

}  // namespace

Node tree_of_environment(const std::map<std::string, std::string>& environment) {
    const Reader reader(environment);
    Node root;
    root.kind = Node::Kind::map;
    reader.take(root, "", {"name", "namespace", "scope"});
    reader.take_section(
        root, "restapi", "restapi_",
        {"listen", "connect_address", "certfile", "keyfile", "keyfile_password", "cafile", "verify_client"});
    reader.take_section(root, "ctl", "ctl_", {"insecure", "cacert", "certfile", "keyfile", "keyfile_password"});
    reader.take_section(root, "postgresql", "postgresql_",
                        {"listen", "connect_address", "proxy_address", "config_dir", "data_dir", "pgpass", "bin_dir"});
    for (const char* section : {"restapi", "ctl"}) {
        Node authentication;
        reader.take(authentication, std::string(section) + "_", {"username", "password"});
        if (authentication.is_map()) root.at(section).at("authentication") = authentication;
    }
    for (const char* user : {"replication", "superuser", "rewind"}) {
        Node entry;
        reader.take(entry, std::string(user) + "_",
                    {"username", "password", "sslmode", "sslcert", "sslkey", "sslpassword", "sslrootcert", "sslcrl",
                     "sslcrldir", "gssencmode", "channel_binding", "sslnegotiation"});
        if (entry.is_map()) root.at("postgresql").at("authentication").at(user) = entry;
    }
    take_dcs(root, environment);
    for (const char* dcs : {"etcd", "etcd3"}) {
        if (root.find(dcs) != nullptr) reader.take(root.at(dcs), std::string(dcs) + "_", {"username", "password"});
    }
    return root;
}

}  // namespace polygon::patroni
