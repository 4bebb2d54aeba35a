#include "bootstrap/post_bootstrap/post_bootstrap.h"

#include <cstdlib>
#include <optional>

#include <fmt/format.h>

#include "bootstrap/post_bootstrap/without_quarantine.h"
#include "common/base/log.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/etcd/stored.h"
#include "common/fs/file.h"
#include "common/patroni/configuration.h"
#include "common/postgres/bootstrap_error.h"
#include "common/postgres/connection.h"
#include "common/postgres/data_directory.h"
#include "common/postgres/generation_marker.h"
#include "common/sanitize/certificate.h"
#include "common/sanitize/evidence.h"
#include "common/sanitize/stamp.h"

namespace polygon::post_bootstrap {
namespace {

// The conninfo's server has to be the one in our data directory: somebody else's would prove nothing.
Result<postgres::GenerationMarker> read_own_marker(postgres::Connection& session,
                                                   const patroni::Configuration& configuration) {
    const std::string served = TRY(session.value("SELECT pg_catalog.current_setting('data_directory')"));
    const std::string& configured = configuration.postgresql.data_dir.string();
    std::error_code error;
    if (!std::filesystem::equivalent(served, configured, error)) {
        return Error{Errc::not_proven,
                     fmt::format("the server's data directory is '{}', the configuration's '{}'", served, configured),
                     "Pass the conninfo of this node's own server."};
    }
    auto marker = TRY(postgres::read_marker(configured));
    if (marker && marker->stage != postgres::Stage::restoring) return std::move(*marker);
    return Error{Errc::not_proven,
                 fmt::format("data directory '{}' was not made by polygon-bootstrap: {}", configured,
                             marker ? "polygon.json says that it is unfinished" : "it has no polygon.json"),
                 "Set bootstrap.method to the section whose command is polygon-bootstrap."};
}

Error overtaken(const postgres::GenerationMarker& marker, const std::string& by) {
    return {Errc::conflict, fmt::format("generation {} was overtaken by {}", marker.generation, by),
            "Let Patroni cancel this bootstrap and start the nodes again."};
}

// The plan that this generation fulfils, or an older one that is done: a generation's name begins with its time. A
// rebuild that is on its way back does not want it any more.
Status check_orders(const std::optional<etcd::Plan>& plan, const std::optional<etcd::PhaseRecord>& phase,
                    const postgres::GenerationMarker& marker) {
    if (!plan) return {};
    if (plan->generation > marker.generation) {
        return overtaken(marker, fmt::format("a {} that planned {}",
                                             plan->mode == etcd::Mode::reset ? "reset" : "rebuild", plan->generation));
    }
    if (plan->generation != marker.generation || !etcd::is_active(plan, phase) ||
        phase->phase == etcd::Phase::bootstrap) {
        return {};
    }
    return overtaken(marker, fmt::format("its rebuild's phase '{}'", etcd::to_text(phase->phase)));
}

// Success only if plan and phase are as they were looked at.
Result<etcd::Outcome> try_to_stamp(etcd::Client& client, const etcd::RebuildKeys& keys,
                                   const etcd::Generation& generation, const postgres::GenerationMarker& marker) {
    const etcd::Snapshot orders = TRY(client.read_prefix(keys.orders()));
    const auto phase = TRY(etcd::find_stored(orders, keys.phase(), etcd::parse_phase));
    const auto plan = TRY(etcd::find_stored(orders, keys.plan(), etcd::parse_plan));
    TRY(check_orders(plan.value, phase.value, marker));
    return client.commit(
        {.compares = {etcd::unchanged(keys.plan(), plan.revision), etcd::unchanged(keys.phase(), phase.revision)},
         .then = {etcd::put(keys.generation(), etcd::to_json(generation))}});
}

// Guards of the other nodes, and the coordinator of a rebuild, wait for this key.
Status stamp_etcd(const patroni::Configuration& configuration, const postgres::GenerationMarker& marker, Clock& clock) {
    constexpr int kMostAttempts = 3;  // a coordinator that resumes writes its phase again
    etcd::Client client(configuration.etcd3);
    const etcd::Generation generation{.generation = marker.generation,
                                      .leader = configuration.name,
                                      .system_identifier = std::to_string(marker.system_identifier),
                                      .proven_at = format_utc(clock.wall()),
                                      .backup_label = marker.backup_label,
                                      .backup_time = marker.backup_time};
    const etcd::RebuildKeys keys(configuration.key_prefix());
    for (int attempt = 0; attempt < kMostAttempts; ++attempt) {
        const etcd::Outcome outcome = TRY(try_to_stamp(client, keys, generation, marker));
        if (outcome.succeeded) return {};
    }
    return Error{Errc::conflict, fmt::format("the keys '{}' and '{}' keep changing", keys.plan(), keys.phase()), "",
                 Retry::safe};
}

// Our session with a database of the server that Patroni names, shielded from its first moment: a library that ALTER
// DATABASE … SET loads is loaded before any statement.
sanitize::ConnectTo connections_of(const Request& request, int major_version) {
    return [&request, major_version](const std::string& database) {
        return postgres::Connection::open_shielded({.conninfo = request.conninfo, .keywords = {{"dbname", database}}},
                                                   major_version);
    };
}

void log_checks(const std::vector<sanitize::Check>& checks) {
    for (const sanitize::Check& check : checks) {
        const bool is_warning = !check.holds && check.weight == sanitize::Weight::advisory;
        log(is_warning ? LogLevel::warning : LogLevel::info, check.holds ? "proven" : "not proven",
            {{"check", check.name}, {"detail", check.detail}});
    }
}

Status prove(const Request& request, const patroni::Configuration& configuration, Clock& clock) {
    const postgres::Path data_directory = configuration.postgresql.data_dir;
    // What shields a session has to be known before there is one.
    const int major_version = TRY(postgres::read_major_version(data_directory));
    const sanitize::ConnectTo connect_to = connections_of(request, major_version);
    postgres::Connection session = TRY(connect_to("postgres"));
    postgres::GenerationMarker marker = TRY(read_own_marker(session, configuration));
    if (!marker.is_quarantined) TRY(sanitise_here(request, configuration, connect_to, marker, clock));
    std::vector<sanitize::Check> checks =
        TRY(sanitize::collect_evidence(connect_to, marker, sanitize::Moment::bootstrap));
    log_checks(checks);
    TRY(sanitize::require_all(checks));
    marker.stage = postgres::Stage::proven;
    const std::string certificate = sanitize::to_json({.scope = configuration.scope,
                                                       .verified_at = format_utc(clock.wall()),
                                                       .marker = marker,
                                                       .checks = std::move(checks)});
    // The marker last: a crash before it leaves a directory that the guard takes for unfinished and has made again.
    TRY(sanitize::stamp(session, marker, certificate));
    TRY(fs::write_file_durably(sanitize::certificate_path(data_directory), certificate));
    TRY(stamp_etcd(configuration, marker, clock));
    TRY(postgres::write_marker(data_directory, marker));
    log_info("generation proven", {{"generation", marker.generation}, {"system_identifier", marker.system_identifier}});
    return {};
}

}  // namespace

Status run(const Request& request, Clock& clock) {
    const auto configuration = TRY(patroni::Configuration::load({request.source.path, request.source.environment}));
    Status done = prove(request, configuration, clock);
    postgres::note_bootstrap_end(configuration.postgresql.data_dir, done);
    return done;
}

}  // namespace polygon::post_bootstrap
