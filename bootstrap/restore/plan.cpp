#include "bootstrap/restore/plan.h"

#include <fmt/format.h>
#include <unistd.h>

#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/filling_command.h"
#include "bootstrap/restore/sources/find_backup.h"
#include "bootstrap/restore/sources/live_server.h"
#include "common/backup/facts.h"
#include "common/etcd/client.h"
#include "common/etcd/rebuild_keys.h"
#include "common/etcd/rebuild_state.h"
#include "common/postgres/private_server.h"
#include "common/sanitize/masking/psql_run.h"

namespace polygon::bootstrap {
namespace {

using patroni::Configuration;
using patroni::PolygonSettings;

Error not_yet(const std::string& key, const std::string& origin) {
    return {Errc::unsupported, fmt::format("polygon.{} ({}) is not supported by this version", key, origin),
            "Take it out; nothing is restored as long as a part of the configuration would be ignored."};
}

// A key that is understood but not yet obeyed stops the bootstrap: what silently does not happen is the worst case.
Status refuse_unsupported(const PolygonSettings& settings) {
    if (settings.replicas.value == patroni::Replicas::staged)
        return not_yet("replicas: staged", settings.replicas.origin);
    if (settings.staging.directory.value) return not_yet("staging.directory", settings.staging.directory.origin);
    return {};
}

Result<postgres::Places> check_places(const std::string& data_directory, Occupied occupied) {
    const postgres::Places places = postgres::find_places(data_directory);
    if (occupied == Occupied::refused) TRY(postgres::require_empty(places.data));
    TRY(postgres::require_movable(places));
    return places;
}

// What keeps the quarantine closed is not for a configuration to open.
Status check_quarantine_parameters(const PolygonSettings& settings) {
    const auto& parameters = settings.quarantine.parameters;
    for (const auto& [name, value] : parameters.value) {
        if (!postgres::is_isolating(name)) continue;
        return Error{Errc::configuration,
                     fmt::format("polygon.quarantine.parameters ({}) may not set '{}'", parameters.origin, name),
                     "It keeps the quarantine closed; take it out."};
    }
    return {};
}

Error needs_quarantine(const std::string& key, const std::string& origin, std::string hint) {
    return {Errc::configuration, fmt::format("polygon.{} ({}) needs the quarantine, which is off", key, origin),
            std::move(hint)};
}

// What only a server of our own can do is not left undone in silence.
Status check_mode(const PolygonSettings& settings) {
    if (settings.quarantine.mode.value == patroni::QuarantineMode::on) return {};
    if (settings.system_identifier.value == patroni::SystemIdentifier::renew) {
        return needs_quarantine("system_identifier: new", settings.system_identifier.origin,
                                "Set system_identifier to keep, or the quarantine to on.");
    }
    constexpr const char* kPatronis =
        "Patroni recovers then: say it in recovery_conf of the bootstrap method's section.";
    if (settings.recovery.restore_command.value)
        return needs_quarantine("recovery.restore_command", settings.recovery.restore_command.origin, kPatronis);
    if (settings.recovery.target_timeline.value)
        return needs_quarantine("recovery.target_timeline", settings.recovery.target_timeline.origin, kPatronis);
    const auto& parameters = settings.quarantine.parameters;
    if (parameters.value.empty()) return {};
    return needs_quarantine("quarantine.parameters", parameters.origin, "Take it out, or set the quarantine to on.");
}

backup::MissingManifest missing_manifest(const patroni::Source& source) {
    return source.verify.value == patroni::Verification::manifest ? backup::MissingManifest::refused
                                                                  : backup::MissingManifest::accepted;
}

struct Found {
    DataSource source;
    std::vector<backup::PassedOver> passed_over;
};

Result<Found> find_source(const PolygonSettings& settings) {
    if (!settings.source) {
        return Error{Errc::configuration, "no source of a backup is configured",
                     "Set polygon.source.directory to a base backup, or to a folder of them."};
    }
    switch (settings.source->kind) {
        case patroni::SourceKind::connection:
            return Found{.source = TRY(ask_server(*settings.source, settings.tablespaces.value))};
        case patroni::SourceKind::command:
            return Found{.source = TRY(parse_command(*settings.source))};
        case patroni::SourceKind::directory:
            break;
    }
    backup::Located located = TRY(find_backup(settings.source->value, missing_manifest(*settings.source)));
    return Found{.source = std::move(located.backup), .passed_over = std::move(located.passed_over)};
}

// Of a filling command the version is not known yet; that there are programs where the configuration says is.
Result<postgres::Binaries> choose_binaries(const Configuration& configuration, const DataSource& source, Clock& clock) {
    if (const auto* backup = std::get_if<backup::Backup>(&source)) {
        postgres::Binaries binaries = TRY(find_matching_binaries(
            configuration, fmt::format("backup '{}'", backup->label), TRY(backup::read_major_version(*backup)), clock));
        if (backup->continues) TRY(postgres::find_combiner(binaries.directory, binaries.major_version, clock));
        return binaries;
    }
    if (const auto* server = std::get_if<LiveServer>(&source)) {
        return find_matching_binaries(configuration, fmt::format("server '{}'", server->conninfo.server()),
                                      server->major_version, clock);
    }
    if (configuration.postgresql.bin_dir.empty()) return postgres::Binaries{};
    return postgres::find_binaries(configuration.postgresql.bin_dir, 0, clock);
}

// Of the plan in etcd if one waits for this member; a new one where nobody planned anything.
Result<std::string> choose_generation(const Configuration& configuration, Clock& clock) {
    const etcd::RebuildKeys keys(configuration.key_prefix());
    const patroni::EtcdSection& section = configuration.etcd3;
    etcd::Client client({section.urls, section.username, section.password, section.tls});
    const auto plan_entry = TRY(client.read(keys.plan()));
    const auto generation_entry = TRY(client.read(keys.generation()));
    if (plan_entry) {
        const etcd::Plan plan = TRY(etcd::parse_plan(plan_entry->value));
        const bool is_done =
            generation_entry && TRY(etcd::parse_generation(generation_entry->value)).generation == plan.generation;
        if (!is_done && plan.leader != configuration.name) {
            return Error{Errc::conflict,
                         fmt::format("generation {} is to be led by '{}', this is '{}'", plan.generation, plan.leader,
                                     configuration.name),
                         "Start the nodes under polygon-entrypoint, which lets the planned leader go first."};
        }
        if (!is_done) return plan.generation;
    }
    return etcd::make_generation_name(clock.wall());
}

}  // namespace

Result<postgres::Binaries> find_matching_binaries(const Configuration& configuration, const std::string& what,
                                                  int major_version, Clock& clock) {
    postgres::Binaries binaries = TRY(postgres::find_binaries(configuration.postgresql.bin_dir, major_version, clock));
    if (binaries.major_version == major_version) return binaries;
    return Error{Errc::version_mismatch,
                 fmt::format("{} is of PostgreSQL {}, the programs in '{}' are of {}", what, major_version,
                             binaries.directory.empty() ? "PATH" : binaries.directory.string(), binaries.major_version),
                 fmt::format("Install PostgreSQL {} here and point postgresql.bin_dir at it.", major_version)};
}

Result<Plan> make_plan(const Request& request, Clock& clock, Occupied occupied) {
    const patroni::ConfigurationSources sources{request.source.path, request.source.environment};
    Configuration configuration = TRY(Configuration::load(sources));
    PolygonSettings settings = TRY(PolygonSettings::load(sources, request.overrides));
    if (!request.scope.empty() && request.scope != configuration.scope) {
        return Error{Errc::configuration,
                     fmt::format("called for scope '{}', but {} is of scope '{}'", request.scope, configuration.source,
                                 configuration.scope),
                     "Point --config or POLYGON_CONFIG at the configuration of the calling Patroni."};
    }
    TRY(refuse_unsupported(settings));
    TRY(check_mode(settings));
    TRY(check_quarantine_parameters(settings));
    const std::string data_directory =
        request.data_directory.empty() ? configuration.postgresql.data_dir.string() : request.data_directory;
    postgres::Places places = TRY(check_places(data_directory, occupied));
    Found found = TRY(find_source(settings));
    postgres::Binaries binaries = TRY(choose_binaries(configuration, found.source, clock));
    if (binaries.major_version != 0) TRY(check_target(settings.recovery, binaries, clock));
    sanitize::Policy policy = TRY(sanitize::make_policy(configuration, settings, request.source.environment));
    if (binaries.major_version != 0 && !policy.sql.empty()) TRY(sanitize::require_psql(binaries, clock));
    std::string generation = TRY(choose_generation(configuration, clock));
    return Plan{.configuration = std::move(configuration),
                .settings = std::move(settings),
                .places = std::move(places),
                .source = std::move(found.source),
                .passed_over = std::move(found.passed_over),
                .binaries = std::move(binaries),
                .generation = std::move(generation),
                .policy = std::move(policy)};
}

backup::TablespaceMapping tablespace_mapping(const Plan& plan) {
    backup::TablespaceMapping mapping;
    for (const auto& [production, here] : plan.settings.tablespaces.value)
        mapping[production] = here;
    return mapping;
}

}  // namespace polygon::bootstrap
