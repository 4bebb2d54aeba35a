#include "common/patroni/etcd_section.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace polygon::patroni {
namespace {

constexpr const char* kDefaultPort = "2379";
constexpr const char* kDefaultProtocol = "http";
constexpr const char* kSpaces = " \t\r\n";

std::string trim(const std::string& text) {
    const std::size_t begin = text.find_first_not_of(kSpaces);
    if (begin == std::string::npos) return "";
    return text.substr(begin, text.find_last_not_of(kSpaces) - begin + 1);
}

std::string text_of(const Node& section, std::string_view name, std::string otherwise = {}) {
    const Node* node = section.find(name);
    return node != nullptr && node->is_scalar() ? node->scalar : std::move(otherwise);
}

Error unsupported(const std::string& section, const Place& place) {
    return {Errc::unsupported, fmt::format("Patroni's configuration store is '{}' in {}", section, place.full()),
            "Only etcd3 is supported."};
}

// Patroni takes the first of its modules, by name, that has a section (patroni/dcs/__init__.py get_dcs).
Result<const Node*> find_store(const Node& root) {
    static constexpr std::array<const char*, 7> kByName = {"consul",     "etcd", "etcd3",    "exhibitor",
                                                           "kubernetes", "raft", "zookeeper"};
    for (const char* name : kByName) {
        const Node* section = root.find(name);
        if (section == nullptr) continue;
        if (std::string_view(name) != "etcd3") return unsupported(name, section->place);
        return section;
    }
    return static_cast<const Node*>(nullptr);
}

void split_at_commas(const std::string& text, std::vector<std::string>& into) {
    std::size_t begin = 0;
    while (begin <= text.size()) {
        const std::size_t comma = std::min(text.find(',', begin), text.size());
        if (std::string host = trim(text.substr(begin, comma - begin)); !host.empty()) into.push_back(std::move(host));
        begin = comma + 1;
    }
}

std::vector<std::string> read_hosts(const Node& hosts) {
    std::vector<std::string> names;
    if (hosts.is_scalar()) split_at_commas(hosts.scalar, names);
    for (const Node& item : hosts.items)
        split_at_commas(item.scalar, names);
    return names;
}

// `url` counts before hosts, and so does what it says of user and password (patroni/dcs/etcd.py get_etcd_client).
void take_url(const std::string& url, etcd::Settings& section) {
    const std::string plain = http::without_credentials(url);
    const std::size_t scheme = plain.find("://");
    const std::string protocol = scheme == std::string::npos ? kDefaultProtocol : plain.substr(0, scheme);
    std::string host = scheme == std::string::npos ? plain : plain.substr(scheme + 3);
    host = host.substr(0, host.find_first_of("/?#"));
    section.urls = {to_url(host, protocol, kDefaultPort)};
    section.user.clear();
    section.password = Secret();
    if (plain.size() == url.size()) return;
    const std::size_t begin = scheme == std::string::npos ? 0 : scheme + 3;
    const std::string user = url.substr(begin, url.size() - plain.size() - 1);
    const std::size_t colon = std::min(user.find(':'), user.size());
    section.user = user.substr(0, colon);
    if (colon < user.size()) section.password = Secret(user.substr(colon + 1));
}

http::Tls read_tls(const Node& node) {
    return {.ca_file = text_of(node, "cacert"),
            .certificate_file = text_of(node, "cert"),
            .key_file = text_of(node, "key")};
}

}  // namespace

std::string to_url(std::string host, const std::string& protocol, const std::string& default_port) {
    if (host.find("://") != std::string::npos) {
        while (host.ends_with('/'))
            host.pop_back();
        return host;
    }
    std::string port = default_port;
    const std::size_t colon = host.rfind(':');
    if (colon != std::string::npos && host.find(']', colon) == std::string::npos) {
        port = host.substr(colon + 1);
        host = host.substr(0, colon);
    }
    if (host.find(':') != std::string::npos && !host.starts_with('[')) host = "[" + host + "]";
    return fmt::format("{}://{}:{}", protocol, host, port);
}

Result<etcd::Settings> read_etcd_section(const Node& root, const std::string& source) {
    const Node* node = TRY(find_store(root));
    const Error missing{Errc::configuration, fmt::format("'etcd3.hosts' is missing in '{}'", source),
                        "Set it there, or by PATRONI_ETCD3_HOSTS."};
    if (node == nullptr) return missing;
    for (const char* name : {"srv", "discovery_srv", "srv_domain"}) {
        if (const Node* srv = node->find(name)) {
            return Error{Errc::unsupported, fmt::format("'etcd3.{}' in {}", name, srv->place.full()),
                         "Name etcd's endpoints in etcd3.hosts."};
        }
    }
    etcd::Settings section{
        .user = text_of(*node, "username"), .password = Secret(text_of(*node, "password")), .tls = read_tls(*node)};
    const std::string protocol = text_of(*node, "protocol", kDefaultProtocol);
    const std::string port = text_of(*node, "port", kDefaultPort);
    const std::string url = text_of(*node, "proxy", text_of(*node, "url"));
    if (!url.empty()) {
        take_url(url, section);
    } else if (const Node* hosts = node->find("hosts")) {
        for (const std::string& host : read_hosts(*hosts))
            section.urls.push_back(to_url(host, protocol, port));
    } else if (const std::string host = text_of(*node, "host"); !host.empty()) {
        section.urls.push_back(to_url(host, protocol, port));
    }
    if (section.urls.empty()) return missing;
    return section;
}

}  // namespace polygon::patroni
