#include "bootstrap/restore/plan.h"

#include <fmt/format.h>

#include "bootstrap/restore/linked_places.h"
#include "bootstrap/restore/orders.h"
#include "bootstrap/restore/quarantine.h"
#include "bootstrap/restore/recovery.h"
#include "bootstrap/restore/sources/filling_command.h"
#include "bootstrap/restore/sources/find_backup.h"
#include "bootstrap/restore/sources/live_server.h"
#include "common/backup/facts.h"
#include "common/backup/identity.h"
#include "common/base/log.h"
#include "common/etcd/rebuild_keys.h"
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
    if (settings.staging.directory.value) return not_yet("staging.directory", settings.staging.directory.origin);
    return {};
}

Result<postgres::Places> check_places(postgres::Places places, const PolygonSettings& settings, Purpose purpose) {
    if (purpose == Purpose::bootstrap) TRY(postgres::require_empty(places.data));
    TRY(postgres::require_movable(places));
    TRY(require_usable_places(places, settings.tablespaces.value));
    return places;
}

// What keeps the quarantine closed is not for a configuration to open.
Status check_quarantine_parameters(const PolygonSettings& settings) {
    const auto& parameters = settings.quarantine.parameters;
    for (const auto& [name, value] : parameters.value) {
        if (!postgres::is_isolating(name)) continue;
        return Error{Errc::configuration,
                     fmt::format("polygon.quarantine.parameters ({}) may not set '{}'", parameters.origin, name),
                     "It keeps the quarantine closed, or the clone whole; take it out."};
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
    if (settings.replicas.value == patroni::Replicas::staged) {
        return needs_quarantine("replicas: staged", settings.replicas.origin,
                                "What is not sanitised is served to nobody: set replicas to leader, or the quarantine "
                                "to on.");
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

// As far as the manifest names files; other sources are looked at when they have come.
Result<std::vector<std::string>> check_files(const FileRules& rules, const DataSource& source) {
    const auto* backup = std::get_if<backup::Backup>(&source);
    if (backup == nullptr || !backup->has_manifest) return std::vector<std::string>();
    ExcludedFiles excluded(rules);
    TRY(excluded.note_all(backup->manifest));
    for (const std::string& entry : rules.not_in(backup->manifest)) {
        log_warning("polygon.files.keep names what the backup's manifest has no file of: an empty folder, or a mistake",
                    {{"entry", entry}});
    }
    return excluded.lines();
}

Result<std::optional<etcd::Plan>> find_plan(const Configuration& configuration, Purpose purpose) {
    const Orders orders = TRY(read_orders(configuration));
    switch (purpose) {
        case Purpose::bootstrap:
            return plan_to_restore(orders, configuration.name);
        case Purpose::staging:
            return std::optional(TRY(require_phase(orders, configuration.name, etcd::Phase::stage)));
        case Purpose::report:
            break;
    }
    return plan_to_report(orders, configuration.name);
}

Error replaced(const std::string& what, const std::string& was_planned) {
    return {Errc::conflict, fmt::format("{}; '{}' was planned", what, was_planned),
            "Nothing was restored: plan the rebuild again."};
}

// Of a folder the newest backup may be another by now: what was planned is restored.
Status take_planned_source(PolygonSettings& settings, const etcd::PlannedBackup& planned) {
    if (planned.directory.empty()) return {};
    if (!settings.source || settings.source->kind != patroni::SourceKind::directory)
        return replaced("the configured source is no directory", planned.directory);
    settings.source->value = planned.directory;
    return {};
}

Status check_planned(const DataSource& source, const etcd::PlannedBackup& planned) {
    const auto* backup = std::get_if<backup::Backup>(&source);
    if (backup == nullptr || planned.identity.empty()) return {};
    if (TRY(backup::compute_identity(*backup)) == planned.identity) return {};
    return replaced(fmt::format("the backup in '{}' was replaced since", backup->directory.string()),
                    fmt::format("{} of {}", planned.label, planned.time));
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

Result<Configuration> load_configuration(const Request& request) {
    Configuration configuration = TRY(Configuration::load({request.source.path, request.source.environment}));
    if (request.scope.empty() || request.scope == configuration.scope) return configuration;
    return Error{Errc::configuration,
                 fmt::format("called for scope '{}', but {} is of scope '{}'", request.scope, configuration.source,
                             configuration.scope),
                 "Point --config or POLYGON_CONFIG at the configuration of the calling Patroni."};
}

postgres::Places find_places(const Request& request, const Configuration& configuration) {
    return postgres::find_places(request.data_directory.empty() ? configuration.postgresql.data_dir
                                                                : postgres::Path(request.data_directory));
}

Result<Plan> make_plan(const Request& request, Clock& clock, Purpose purpose) {
    Configuration configuration = TRY(load_configuration(request));
    PolygonSettings settings =
        TRY(PolygonSettings::load({request.source.path, request.source.environment}, request.overrides));
    TRY(refuse_unsupported(settings));
    TRY(check_mode(settings));
    TRY(check_quarantine_parameters(settings));
    if (settings.quarantine.mode.value == patroni::QuarantineMode::on) TRY(choose_isolation(settings.quarantine));
    FileRules files = TRY(FileRules::make(settings.files));
    postgres::Places places = TRY(check_places(find_places(request, configuration), settings, purpose));
    const std::optional<etcd::Plan> rebuild = TRY(find_plan(configuration, purpose));
    const bool is_bound = rebuild && purpose != Purpose::report;
    if (is_bound) TRY(take_planned_source(settings, rebuild->backup));
    Found found = TRY(find_source(settings));
    if (is_bound) TRY(check_planned(found.source, rebuild->backup));
    postgres::Binaries binaries = TRY(choose_binaries(configuration, found.source, clock));
    files.set_major_version(binaries.major_version);
    std::vector<std::string> excluded_files = TRY(check_files(files, found.source));
    if (binaries.major_version != 0) TRY(check_target(settings.recovery, binaries, clock));
    sanitize::Policy policy = TRY(sanitize::make_policy(configuration, settings, request.source.environment));
    if (binaries.major_version != 0 && !policy.sql.empty()) TRY(sanitize::require_psql(binaries, clock));
    return Plan{.configuration = std::move(configuration),
                .settings = std::move(settings),
                .places = std::move(places),
                .source = std::move(found.source),
                .passed_over = std::move(found.passed_over),
                .binaries = std::move(binaries),
                .generation = rebuild ? rebuild->generation : etcd::make_generation_name(clock.wall()),
                .policy = std::move(policy),
                .files = std::move(files),
                .excluded_files = std::move(excluded_files)};
}

backup::TablespaceMapping tablespace_mapping(const Plan& plan) {
    backup::TablespaceMapping mapping;
    for (const auto& [production, here] : plan.settings.tablespaces.value)
        mapping[production] = here;
    return mapping;
}

}  // namespace polygon::bootstrap
