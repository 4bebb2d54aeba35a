// How a staged clone is served to the replicas that copy it.
#pragma once

#include <cstddef>
#include <string>

#include "common/base/result.h"
#include "common/patroni/configuration.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/binaries.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/private_server.h"

namespace polygon::bootstrap {

// What this server and those that replay its WAL have in common. The sizes that pg_control keeps of a primary, and
// that its standbys may not go below, are no larger than Patroni's own defaults (patroni/postgresql/config.py).
postgres::ServerParameters staging_parameters(const patroni::QuarantineSettings& settings,
                                              const postgres::Binaries& binaries,
                                              const postgres::GenerationMarker& marker, std::size_t members);

// Where replicas reach this node: the host of postgresql.connect_address, else of listen. Errc::configuration if
// neither names one.
Result<std::string> find_served_host(const patroni::PostgresqlSection& postgresql);

// A port on which nothing listens there now. Errc::configuration if the host is not this node's.
Result<int> find_free_port(const std::string& host);

// "10.0.0.1:5433", "[::1]:5433".
std::string format_address(const std::string& host, int port);

// Patroni's own local parameters whose names begin with ssl, if they switch it on; files by absolute paths: what is
// relative there is below its data directory.
postgres::ServerParameters tls_parameters(const patroni::PostgresqlSection& postgresql);

// The one line of pg_hba.conf for who copies: no database, no other role, by TLS if there is any.
std::string staging_access(const postgres::ServerParameters& tls);

}  // namespace polygon::bootstrap
