#include "bootstrap/post_bootstrap/without_quarantine.h"

#include <algorithm>
#include <cstdlib>

#include <fmt/format.h>

#include "common/base/log.h"
#include "common/fs/file.h"
#include "common/patroni/polygon_settings.h"
#include "common/postgres/binaries.h"
#include "common/postgres/connection.h"
#include "common/postgres/conninfo.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/wal_directory.h"
#include "common/sanitize/evidence.h"
#include "common/sanitize/masking/masking.h"
#include "common/sanitize/old_rows.h"
#include "common/sanitize/sanitise.h"

namespace polygon::post_bootstrap {
namespace {

constexpr const char* kUntilRestart =
    "until the server is restarted it archives nothing, preloads no library and follows no subscription, whatever "
    "Patroni's configuration says: there was no quarantine";

// The user's SQL by psql, with the passfile or password that Patroni passes.
Status mask(const Request& request, const patroni::Configuration& configuration, const sanitize::Policy& policy,
            const sanitize::ConnectTo& connect_to, const Deadline& deadline, postgres::GenerationMarker& marker,
            Clock& clock) {
    if (policy.sql.empty()) return {};
    const int major_version = TRY(connect_to("postgres")).server_major_version();
    const postgres::Conninfo conninfo = TRY(postgres::parse_conninfo(request.conninfo, "the conninfo"));
    sanitize::PsqlSession session;
    session.binaries = TRY(postgres::find_binaries(configuration.postgresql.bin_dir, major_version, clock));
    session.address = conninfo.keywords;
    if (const char* file = std::getenv("PGPASSFILE")) session.environment["PGPASSFILE"] = file;
    if (!conninfo.password.is_empty()) session.environment["PGPASSWORD"] = conninfo.password.reveal();
    sanitize::Masked masked = TRY(sanitize::run_sql({.files = policy.sql,
                                                     .session = std::move(session),
                                                     .renamed = policy.databases.rename,
                                                     .old_rows = policy.old_rows,
                                                     .connect_to = connect_to},
                                                    clock, deadline));
    sanitize::record(std::move(masked), marker);
    return {};
}

// Production's verifiers have to be known before anything is changed: a repeat finds the polygon's in their place.
Status note_verifiers(const sanitize::ConnectTo& connect_to, const std::string& superuser,
                      postgres::GenerationMarker& marker) {
    postgres::Connection session = TRY(connect_to("postgres"));
    marker.production_verifiers = TRY(sanitize::read_verifiers(session, superuser));
    marker.left.push_back(fmt::format(
        "role {}: Patroni had set its password before anybody could see whether it is production's", superuser));
    return {};
}

// With a checkpoint in a new segment all that came before goes: the restraints have nothing kept. Dropped tables' files
// go too.
Status drop_wal(const sanitize::ConnectTo& connect_to, const postgres::Path& data_directory,
                postgres::GenerationMarker& marker) {
    postgres::Connection session = TRY(connect_to("postgres"));
    TRY(session.execute("SELECT pg_catalog.pg_switch_wal()"));
    TRY(session.execute("CHECKPOINT"));
    TRY(postgres::remove_foreign_wal(data_directory));
    const std::string first = TRY(session.value("SELECT redo_wal_file FROM pg_catalog.pg_control_checkpoint()"));
    const auto older = TRY(postgres::find_older_segments(data_directory, first));
    if (older.empty()) return {};
    marker.left.push_back(
        fmt::format("{}{} segments of production's WAL, with what was removed, until PostgreSQL "
                    "removes them",
                    sanitize::kWalLeft, older.size()));
    log_warning(marker.left.back());
    return {};
}

Status lift_restraints(const sanitize::ConnectTo& connect_to, const postgres::Path& data_directory,
                       postgres::GenerationMarker& marker) {
    TRY(fs::write_file_durably(data_directory / "postgresql.auto.conf", ""));
    postgres::Connection session = TRY(connect_to("postgres"));
    TRY(session.execute("SELECT pg_catalog.pg_reload_conf()"));
    marker.left.push_back(kUntilRestart);
    log_warning(kUntilRestart, {{"next", "patronictl restart"}});
    return {};
}

}  // namespace

Status sanitise_here(const Request& request, const patroni::Configuration& configuration,
                     const sanitize::ConnectTo& connect_to, postgres::GenerationMarker& marker, Clock& clock) {
    const postgres::Path data_directory = configuration.postgresql.data_dir;
    const sanitize::SaveMarker save = [&](const postgres::GenerationMarker& now) {
        return postgres::write_marker(data_directory, now);
    };
    const auto settings = TRY(patroni::PolygonSettings::load({request.source.path, request.source.environment}));
    sanitize::Policy policy = TRY(sanitize::make_policy(configuration, settings, request.source.environment));
    TRY(sanitize::run_step(marker, "verifiers", save,
                           [&] { return note_verifiers(connect_to, policy.superuser, marker); }));
    policy.roles.set_before = policy.superuser;
    policy.roles.known_verifiers = marker.production_verifiers;
    const Deadline deadline(clock, settings.quarantine.timeout.value);
    const sanitize::ConnectTo limited = [&](const std::string& database) -> Result<postgres::Connection> {
        postgres::Connection session = TRY(connect_to(database));
        TRY(session.limit_statements(deadline.remaining()));
        return session;
    };
    TRY(sanitize::sanitise(limited, policy, sanitize::Repeat::possible, marker, save));
    TRY(sanitize::run_step(marker, "sql", save,
                           [&] { return mask(request, configuration, policy, connect_to, deadline, marker, clock); }));
    TRY(sanitize::run_step(marker, "catalogs", save, [&] { return sanitize::rewrite_catalogs(limited); }));
    TRY(sanitize::run_step(marker, "wal", save, [&] { return drop_wal(connect_to, data_directory, marker); }));
    return sanitize::run_step(marker, "restraints", save,
                              [&] { return lift_restraints(connect_to, data_directory, marker); });
}

}  // namespace polygon::post_bootstrap
