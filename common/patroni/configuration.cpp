#include "common/patroni/configuration.h"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

#include "common/patroni/environment.h"
#include "common/patroni/etcd_section.h"
#include "common/patroni/sources.h"

namespace polygon::patroni {
namespace {

constexpr const char* kConfigurationVariable = "PATRONI_CONFIGURATION";

// Reads plain values by their path, and keeps the first thing that was wrong.
class Reader {
  public:
    explicit Reader(const Node& root) : root_(root) {}

    const Node* find(const std::string& path) const { return root_.find_path(path); }

    std::string text(const std::string& path) {
        const Node* node = find(path);
        if (node == nullptr) return {};
        if (node->is_scalar()) return node->scalar;
        if (!error_) {
            error_ = Error{Errc::configuration,
                           fmt::format("'{}' in {} is not a plain value", path, node->place.full()), ""};
        }
        return {};
    }

    // The first of these that says something.
    std::string text(const std::string& path, const std::string& otherwise) {
        std::string found = text(path);
        return found.empty() ? text(otherwise) : found;
    }

    Status status() const { return error_ ? Status(*error_) : Status(); }

  private:
    const Node& root_;
    std::optional<Error> error_;
};

// patroni/utils.py parse_bool.
bool is_true(const std::string& text) {
    for (const char* word : {"on", "On", "ON", "true", "True", "TRUE", "yes", "Yes", "YES", "1"}) {
        if (text == word) return true;
    }
    return false;
}

std::string without_slashes(const std::string& text) {
    const std::size_t begin = text.find_first_not_of('/');
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of('/') - begin + 1);
}

std::optional<http::BasicAuth> read_auth(Reader& reader, const std::string& section) {
    if (reader.find(section + ".authentication") != nullptr) {
        return http::BasicAuth{reader.text(section + ".authentication.username"),
                               Secret(reader.text(section + ".authentication.password"))};
    }
    const std::string pair = reader.text(section + ".auth");  // "user:password", as Patroni keeps it itself
    if (pair.empty()) return std::nullopt;
    const std::size_t colon = std::min(pair.find(':'), pair.size());
    return http::BasicAuth{pair.substr(0, colon), Secret(pair.substr(std::min(colon + 1, pair.size())))};
}

RestapiSection read_restapi(Reader& reader) {
    return {.listen = reader.text("restapi.listen"),
            .connect_address = reader.text("restapi.connect_address"),
            .certificate_file = reader.text("restapi.certfile"),
            .key_file = reader.text("restapi.keyfile"),
            .ca_file = reader.text("restapi.cafile"),
            .verify_client = reader.text("restapi.verify_client"),
            .authentication = read_auth(reader, "restapi")};
}

// patroni/request.py reload_config.
RestSettings read_rest_client(Reader& reader) {
    RestSettings settings;
    settings.auth = read_auth(reader, "ctl");
    if (!settings.auth) settings.auth = read_auth(reader, "restapi");
    settings.tls.ca_file = reader.text("ctl.cacert", "restapi.cafile");
    settings.tls.certificate_file = reader.text("ctl.certfile", "restapi.certfile");
    if (!settings.tls.certificate_file.empty()) {
        settings.tls.key_file = reader.text("ctl.keyfile", "restapi.keyfile");
        settings.tls.key_password = Secret(reader.text("ctl.keyfile_password", "restapi.keyfile_password"));
    }
    if (is_true(reader.text("ctl.insecure"))) settings.tls.verification = http::Verification::none;
    return settings;
}

Credentials read_credentials(Reader& reader, const std::string& path) {
    static constexpr std::array<const char*, 9> kConnection = {"sslmode",     "sslcert",         "sslkey",
                                                               "sslrootcert", "sslcrl",          "sslcrldir",
                                                               "gssencmode",  "channel_binding", "sslnegotiation"};
    Credentials credentials{.username = reader.text(path + ".username"),
                            .password = Secret(reader.text(path + ".password")),
                            .key_password = Secret(reader.text(path + ".sslpassword"))};
    for (const char* name : kConnection) {
        if (std::string value = reader.text(path + "." + name); !value.empty()) credentials.connection[name] = value;
    }
    return credentials;
}

// Before Patroni 1.4 the users stood in `postgresql` itself, and `pg_rewind` there was the superuser (config.py,
// "special treatment for old config").
void read_users(Reader& reader, PostgresqlSection& section) {
    const std::string authentication = "postgresql.authentication";
    const std::string users = reader.find(authentication) != nullptr ? authentication : "postgresql";
    const bool has_superuser = reader.find(users + ".superuser") != nullptr;
    section.superuser = read_credentials(reader, has_superuser ? users + ".superuser" : "postgresql.pg_rewind");
    section.replication = read_credentials(reader, users + ".replication");
    if (reader.find(authentication + ".rewind") != nullptr) {
        section.rewind = read_credentials(reader, authentication + ".rewind");
    }
}

PostgresqlSection read_postgresql(Reader& reader) {
    PostgresqlSection section;
    section.listen = reader.text("postgresql.listen");
    section.connect_address = reader.text("postgresql.connect_address");
    section.data_dir = reader.text("postgresql.data_dir");
    section.bin_dir = reader.text("postgresql.bin_dir");
    section.config_dir = reader.text("postgresql.config_dir");
    section.pgpass = reader.text("postgresql.pgpass");
    if (const std::string database = reader.text("postgresql.database"); !database.empty()) section.database = database;
    if (reader.find("postgresql.use_unix_socket") != nullptr)
        section.use_unix_socket = is_true(reader.text("postgresql.use_unix_socket"));
    const Node* rules =
        reader.find("postgresql.pg_hba");  // Patroni passes over an empty list (config.py, replace_pg_hba)
    section.has_pg_hba = rules != nullptr && !rules->items.empty();
    read_users(reader, section);
    if (const Node* parameters = reader.find("postgresql.parameters")) {
        for (const auto& [name, value] : parameters->entries) {
            if (value.is_scalar()) section.parameters[name] = value.scalar;
        }
    }
    return section;
}

Status require(const std::string& value, const std::string& key, const std::string& variable,
               const std::string& source) {
    if (!value.empty()) return {};
    return Error{Errc::configuration, fmt::format("'{}' is missing in '{}'", key, source),
                 fmt::format("Set it there, or by {}.", variable)};
}

}  // namespace

Result<LoadedTree> load_sources(const ConfigurationSources& sources) {
    if (sources.path) {
        Node root = TRY(load_yaml(*sources.path));
        merge(root, tree_of_environment(sources.environment));
        return LoadedTree{std::move(root), sources.path->string()};
    }
    const auto whole = sources.environment.find(kConfigurationVariable);
    if (whole != sources.environment.end() && !whole->second.empty()) {
        return LoadedTree{TRY(parse_yaml(whole->second, kConfigurationVariable)), kConfigurationVariable};
    }
    return LoadedTree{tree_of_environment(sources.environment), "the environment"};
}

Result<Configuration> Configuration::load(const ConfigurationSources& sources) {
    const LoadedTree tree = TRY(load_sources(sources));
    Reader reader(tree.root);
    Configuration configuration;
    configuration.source = tree.name;
    configuration.scope = reader.text("scope");
    configuration.name = reader.text("name", "postgresql.name");
    if (reader.find("namespace") != nullptr) configuration.name_space = without_slashes(reader.text("namespace"));
    configuration.restapi = read_restapi(reader);
    configuration.rest_client = read_rest_client(reader);
    configuration.postgresql = read_postgresql(reader);
    TRY(reader.status());
    TRY(require(configuration.scope, "scope", "PATRONI_SCOPE", tree.name));
    TRY(require(configuration.name, "name", "PATRONI_NAME", tree.name));
    TRY(require(configuration.postgresql.data_dir.string(), "postgresql.data_dir", "PATRONI_POSTGRESQL_DATA_DIR",
                tree.name));
    if (const Node* citus = reader.find("citus")) {
        return Error{Errc::unsupported, fmt::format("Citus is configured in {}", citus->place.full()), ""};
    }
    configuration.etcd3 = TRY(read_etcd_section(tree.root, tree.name));
    return configuration;
}

std::string Configuration::key_prefix() const {
    // patroni/dcs/__init__.py: repeated slashes become one, so an empty namespace leaves none behind.
    return name_space.empty() ? fmt::format("/{}/", scope) : fmt::format("/{}/{}/", name_space, scope);
}

}  // namespace polygon::patroni
