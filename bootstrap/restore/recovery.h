// How far the clone recovers, in PostgreSQL's own terms.
#pragma once

#include <string>

#include "common/backup/restore.h"
#include "common/base/clock.h"
#include "common/base/result.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/binaries.h"
#include "common/postgres/private_server.h"

namespace polygon::bootstrap {

// To the configured target, else to the end of the backup and no further; then promoted to a timeline of its own.
postgres::ServerParameters recovery_parameters(const patroni::RecoverySettings& recovery);

// With a restore_command the WAL need not be in the backup.
backup::Wal recovered_from(const patroni::RecoverySettings& recovery);

// "target_time '2026-11-20 03:00:00+00' (patroni.yml:9)", or "the end of the backup".
std::string describe_target(const patroni::RecoverySettings& recovery);

// Lets PostgreSQL itself read the target, before anything is restored. Errc::configuration if it does not understand
// it.
Status check_target(const patroni::RecoverySettings& recovery, const postgres::Binaries& binaries, Clock& clock);

// PostgreSQL stops at the first transaction that is later than a target's time, even if the backup itself is later:
// then the clone would be of another time than asked for. Errc::target_unreached.
Status require_target_after(const std::string& backup_time, const patroni::RecoverySettings& recovery,
                            postgres::Connection& session);

// Why the server ended before it was recovered, out of its log; `error` itself if the target has nothing to do with it.
// Errc::target_unreached with how far it came.
Error explain_failed_recovery(Error error, const std::string& log, const patroni::RecoverySettings& recovery);

}  // namespace polygon::bootstrap
