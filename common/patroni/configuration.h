// Patroni's configuration as Patroni itself sees it (patroni/config.py): a file, or a folder of *.yml and *.yaml merged
// by name, then PATRONI_* over it; without a path PATRONI_CONFIGURATION alone, else the environment alone.
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/etcd/client.h"
#include "common/http/client.h"
#include "common/patroni/rest.h"

namespace polygon::patroni {

using Environment = std::map<std::string, std::string>;

struct ConfigurationSources {
    std::optional<std::filesystem::path> path;  // a file or a folder
    Environment environment;                    // what Patroni was started with
};

// Of postgresql.authentication.
struct Credentials {
    std::string username;  // empty: libpq's default, PGUSER or the operating system's user, as Patroni has it
    Secret password;       // empty: none
    Secret key_password;   // sslpassword: of the client certificate's key
    std::map<std::string, std::string> connection;  // sslmode, sslcert, ... as libpq calls them
};

struct RestapiSection {
    std::string listen;
    std::string connect_address;
    std::string certificate_file;  // not empty: Patroni serves https
    std::string key_file;
    std::string ca_file;
    std::string verify_client;  // "none", "optional", "required" or empty
    std::optional<http::BasicAuth> authentication;
};

struct PostgresqlSection {
    std::string listen;  // "127.0.0.1:5432", "*:5432", "a,b:5432"
    std::string connect_address;
    std::filesystem::path data_dir;
    std::filesystem::path bin_dir;  // empty: PATH
    std::filesystem::path config_dir;
    std::filesystem::path pgpass;
    Credentials superuser;
    Credentials replication;
    std::optional<Credentials> rewind;              // none: Patroni rewinds as the superuser
    std::map<std::string, std::string> parameters;  // the local ones, as written
    std::string database = "postgres";              // that Patroni itself connects to
    std::optional<bool> use_unix_socket;            // these two may also stand in the dynamic configuration
    bool has_pg_hba = false;
};

struct Configuration {
    // Errc::configuration for what cannot be read or lacks scope, name, postgresql.data_dir or etcd3's hosts (the
    // message names the key and the file); Errc::unsupported for another DCS than etcd3, and for Citus.
    static Result<Configuration> load(const ConfigurationSources& sources);

    std::string source;  // "/etc/patroni.yml", "PATRONI_CONFIGURATION" or "the environment"
    std::string scope;
    std::string name;
    std::string name_space = "service";  // without slashes around it
    etcd::Settings etcd3;
    RestapiSection restapi;
    RestSettings rest_client;  // how Patroni's own tools call the REST API: ctl, else restapi
    PostgresqlSection postgresql;

    // "/service/main/": where Patroni keeps this cluster's keys.
    std::string key_prefix() const;
};

}  // namespace polygon::patroni
