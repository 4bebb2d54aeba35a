#include "bootstrap/post_bootstrap/post_bootstrap.h"

#include <cstdlib>

#include <fmt/format.h>

#include "bootstrap/post_bootstrap/without_quarantine.h"
#include "common/base/log.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/fs/file.h"
#include "common/patroni/configuration.h"
#include "common/postgres/connection.h"
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

Error overtaken(const postgres::GenerationMarker& marker, const etcd::Plan& plan) {
    return {Errc::conflict,
            fmt::format("generation {} was overtaken by a reset that planned {}", marker.generation, plan.generation),
            "Let Patroni cancel this bootstrap and start the nodes again."};
}

// Guards of the other nodes wait for this key.
Status stamp_etcd(const patroni::Configuration& configuration, const postgres::GenerationMarker& marker, Clock& clock) {
    const patroni::EtcdSection& section = configuration.etcd3;
    etcd::Client client({section.urls, section.username, section.password, section.tls});
    const etcd::Generation generation{.generation = marker.generation,
                                      .leader = configuration.name,
                                      .system_identifier = std::to_string(marker.system_identifier),
                                      .proven_at = format_utc(clock.wall()),
                                      .backup_label = marker.backup_label,
                                      .backup_time = marker.backup_time};
    const etcd::RebuildKeys keys(configuration.key_prefix());
    const auto entry = TRY(client.read(keys.plan()));
    if (entry) {
        const etcd::Plan plan = TRY(etcd::parse_plan(entry->value));
        // The plan that this generation fulfils, or an older one that is done: a generation's name begins with its
        // time.
        if (plan.generation > marker.generation) return overtaken(marker, plan);
    }
    const etcd::Compare unchanged =
        entry ? etcd::mod_revision_is(keys.plan(), entry->mod_revision) : etcd::absent(keys.plan());
    const etcd::Outcome outcome = TRY(
        client.commit({.compares = {unchanged}, .then = {etcd::put(keys.generation(), etcd::to_json(generation))}}));
    if (outcome.succeeded) return {};
    return Error{Errc::conflict, fmt::format("the key '{}' has changed meanwhile", keys.plan()), "", Retry::safe};
}

// The major version in the data directory's PG_VERSION: what shields a session has to be known before there is one.
Result<int> read_major_version(const postgres::Path& data_directory) {
    const std::string text = TRY(fs::read_file(data_directory / "PG_VERSION"));
    const int version = std::atoi(text.c_str());
    if (version > 0) return version;
    return Error{Errc::data_directory_invalid,
                 fmt::format("'{}' names no version", (data_directory / "PG_VERSION").string()), ""};
}

// Our session with a database of the server that Patroni names, shielded from its first moment: a library that ALTER
// DATABASE … SET loads is loaded before any statement.
sanitize::ConnectTo connections_of(const Request& request, int major_version) {
    return [&request, major_version](const std::string& database) {
        return postgres::Connection::open(
            {.conninfo = request.conninfo,
             .keywords = {{"dbname", database}, {"options", postgres::shielding_options(major_version)}}});
    };
}

void log_checks(const std::vector<sanitize::Check>& checks) {
    for (const sanitize::Check& check : checks) {
        const bool is_warning = !check.holds && check.weight == sanitize::Weight::advisory;
        log(is_warning ? LogLevel::warning : LogLevel::info, check.holds ? "proven" : "not proven",
            {{"check", check.name}, {"detail", check.detail}});
    }
}

}  // namespace

Status run(const Request& request, Clock& clock) {
    const auto configuration = TRY(patroni::Configuration::load({request.source.path, request.source.environment}));
    const postgres::Path data_directory = configuration.postgresql.data_dir;
    const sanitize::ConnectTo connect_to = connections_of(request, TRY(read_major_version(data_directory)));
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

}  // namespace polygon::post_bootstrap
