// How Patroni on this node connects to its own server, and whose pg_hba.conf admits it there.
#pragma once

#include <map>
#include <string>

#include "common/base/secret.h"
#include "common/patroni/configuration.h"

namespace polygon::patroni {

struct LocalConnection {
    std::map<std::string, std::string> keywords;  // libpq's; without `host` where libpq's own default counts
    Secret password;                              // empty: none
    Secret key_password;                          // sslpassword; empty: none

    // For messages: "localhost:5432", "/var/run/postgresql:5432".
    std::string address() const;
    bool is_by_socket() const;
};

// As the superuser; `dynamic` is the value of the cluster's key `config`, may be empty (patroni/postgresql/config.py,
// resolve_connection_addresses and local_connect_kwargs; patroni/config.py, _build_effective_configuration).
LocalConnection local_connection(const PostgresqlSection& section, const std::string& dynamic);

// Whether a pg_hba.conf outlives the data directory: Patroni writes it (postgresql.pg_hba), or it stands elsewhere.
bool has_lasting_access_rules(const PostgresqlSection& section, const std::string& dynamic);

// "postgres://10.0.0.1:5432/postgres" -> "10.0.0.1:5432"; empty where there is none.
std::string address_in(const std::string& conn_url);

}  // namespace polygon::patroni
