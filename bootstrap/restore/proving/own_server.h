// What this node's own server is and whom it follows, seen over the connection that Patroni itself uses.
#pragma once

#include "common/etcd/node_proof.h"
#include "common/patroni/local_connection.h"
#include "common/postgres/data_directory.h"
#include "common/sanitize/databases.h"

namespace polygon::bootstrap {

// Sessions as Patroni's superuser, shielded from their first packet; each statement ends after a minute.
sanitize::ConnectTo sessions_of(const patroni::LocalConnection& local, const postgres::Path& data_directory);

// Never an error: what could not be seen is in `error`. A standby that admits no session (hot_standby is off) is seen
// by its files.
etcd::NodeProof look_at_own_server(const sanitize::ConnectTo& connect_to, const patroni::LocalConnection& local,
                                   const postgres::Path& data_directory);

}  // namespace polygon::bootstrap
