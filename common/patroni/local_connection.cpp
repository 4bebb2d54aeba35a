#include "common/patroni/local_connection.h"

#include <algorithm>
#include <optional>
#include <string_view>
#include <vector>

#include <fmt/format.h>

#include "common/patroni/json.h"

namespace polygon::patroni {
namespace {

using Json = nlohmann::json;

constexpr std::string_view kDefaultPort = "5432";

std::string trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t");
    if (begin == std::string_view::npos) return "";
    return std::string(text.substr(begin, text.find_last_not_of(" \t") - begin + 1));
}

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (true) {
        const std::size_t comma = list.find(',');
        parts.push_back(trimmed(list.substr(0, comma)));
        if (comma == std::string_view::npos) return parts;
        list.remove_prefix(comma + 1);
    }
}

std::string without_brackets(std::string host) {
    if (host.starts_with('[') && host.ends_with(']')) return host.substr(1, host.size() - 2);
    return host;
}

struct Listen {
    std::vector<std::string> hosts;
    std::string port;
};

// patroni/utils.py split_host_port: the port is what follows the last colon.
Listen parse_listen(const std::string& listen) {
    const std::size_t colon = listen.rfind(':');
    const bool has_port = colon != std::string::npos && listen.find(']', colon) == std::string::npos;
    Listen parsed{.hosts = split(listen.substr(0, has_port ? colon : std::string::npos)),
                  .port = has_port ? trimmed(listen.substr(colon + 1)) : std::string(kDefaultPort)};
    for (std::string& host : parsed.hosts)
        host = without_brackets(host);
    return parsed;
}

std::string tcp_host(const Listen& listen) {
    const bool is_local = std::any_of(listen.hosts.begin(), listen.hosts.end(), [](const std::string& host) {
        return host == "*" || host == "0.0.0.0" || host == "127.0.0.1" || host == "localhost";
    });
    return is_local ? "localhost" : listen.hosts.front();
}

// Section `postgresql` of the dynamic configuration; an empty object if there is none.
Json dynamic_section(const std::string& dynamic) {
    const Json json = Json::parse(dynamic, nullptr, false);
    if (!json.is_object() || !json.contains("postgresql") || !json.at("postgresql").is_object()) return Json::object();
    return json.at("postgresql");
}

bool is_true(const Json& value) {
    if (value.is_boolean()) return value.get<bool>();
    return value.is_string() && (value == "on" || value == "true" || value == "yes");
}

// The local one wins.
std::optional<std::string> parameter(const PostgresqlSection& section, const Json& dynamic, const std::string& name) {
    if (const auto local = section.parameters.find(name); local != section.parameters.end()) return local->second;
    const auto parameters = dynamic.find("parameters");
    if (parameters == dynamic.end() || !parameters->is_object() || !parameters->contains(name)) return std::nullopt;
    return text_at(*parameters, name.c_str());
}

// None: libpq's own default.
std::optional<std::string> socket_host(const std::optional<std::string>& directories, const Listen& listen) {
    if (!directories) return std::nullopt;
    for (const std::string& directory : split(*directories)) {
        if (directory.starts_with('/')) return directory;
    }
    return tcp_host(listen);
}

}  // namespace

std::string LocalConnection::address() const {
    const auto host = keywords.find("host");
    return fmt::format("{}:{}", host == keywords.end() ? "the default Unix socket" : host->second, keywords.at("port"));
}

bool LocalConnection::is_by_socket() const {
    const auto host = keywords.find("host");
    return host == keywords.end() || host->second.starts_with('/');
}

LocalConnection local_connection(const PostgresqlSection& section, const std::string& dynamic) {
    const Json shared = dynamic_section(dynamic);
    const Listen listen = parse_listen(section.listen);
    const bool by_socket =
        section.use_unix_socket.value_or(shared.contains("use_unix_socket") && is_true(shared.at("use_unix_socket")));
    LocalConnection local{.keywords = section.superuser.connection,
                          .password = section.superuser.password,
                          .key_password = section.superuser.key_password};
    const auto host = by_socket ? socket_host(parameter(section, shared, "unix_socket_directories"), listen)
                                : std::optional(tcp_host(listen));
    if (host) local.keywords["host"] = *host;
    local.keywords["port"] = listen.port;
    local.keywords["dbname"] = section.database;
    if (!section.superuser.username.empty()) local.keywords["user"] = section.superuser.username;
    return local;
}

bool has_lasting_access_rules(const PostgresqlSection& section, const std::string& dynamic) {
    const Json shared = dynamic_section(dynamic);
    const bool is_elsewhere = !section.config_dir.empty() && section.config_dir != section.data_dir;
    const bool is_shared = shared.contains("pg_hba") && !shared.at("pg_hba").empty();
    return section.has_pg_hba || is_shared || is_elsewhere || parameter(section, shared, "hba_file");
}

std::string address_in(const std::string& conn_url) {
    const std::size_t start = conn_url.find("://");
    if (start == std::string::npos) return "";
    const std::string rest = conn_url.substr(start + 3);
    return rest.substr(0, rest.find('/'));
}

}  // namespace polygon::patroni
