#include "common/patroni/polygon_settings.h"

#include <array>
#include <cerrno>
#include <fstream>

#include <fmt/format.h>

#include "common/patroni/polygon_keys.h"
#include "common/patroni/polygon_values.h"
#include "common/patroni/sources.h"

namespace polygon::patroni {
namespace {

constexpr const char* kSourceHint = "Configure exactly one of directory, connection and command.";

// Reads settings out of the section, with the origin of each; one that is not there or null keeps its default.
class Reader {
  public:
    explicit Reader(const Node& section) : section_(section) {}

    template <class T, class Convert>
    Status read(std::string_view path, Setting<T>& setting, Convert convert) const {
        const Node* node = section_.find_path(path);
        if (node == nullptr) return {};
        setting.value = TRY(convert(*node, path));
        setting.origin = node->place.brief();
        return {};
    }

    // `allowed` in the order of the enumeration.
    template <class Enum>
    Status choose(std::string_view path, Setting<Enum>& setting, std::initializer_list<const char*> allowed) const {
        const auto convert = [&](const Node& node, std::string_view at) -> Result<Enum> {
            return static_cast<Enum>(TRY(to_choice(node, at, allowed)));
        };
        return read(path, setting, convert);
    }

    Status read_source(std::optional<Source>& source) const;
    Status read_recovery(RecoverySettings& recovery) const;
    Status read_passwords(std::map<std::string, PasswordSource>& passwords) const;

  private:
    Status read_source_options(Source& source) const;
    Status read_target(std::optional<RecoveryTarget>& target) const;
    Status check_recovery(const RecoverySettings& recovery) const;

    const Node& section_;
};

Status Reader::read_source(std::optional<Source>& source) const {
    static constexpr std::array<std::pair<const char*, SourceKind>, 3> kKinds = {
        std::pair{"directory", SourceKind::directory},
        {"connection", SourceKind::connection},
        {"command", SourceKind::command}};
    std::string first;
    for (const auto& [name, kind] : kKinds) {
        const std::string path = fmt::format("source.{}", name);
        const Node* node = section_.find_path(path);
        if (node == nullptr) continue;
        if (source) {
            return wrong_value(*node, path, fmt::format("stands beside '{}'", first), kSourceHint);
        }
        if (kind == SourceKind::directory) TRY(to_absolute_path(*node, path));
        source = Source{kind, TRY(to_text(*node, path)), node->place.brief()};
        first = "polygon." + path;
    }
    return source ? read_source_options(*source) : Status{};
}

// What is said about a connection must not be said in vain about something else.
Status Reader::read_source_options(Source& source) const {
    TRY(read("source.max_rate", source.max_rate, to_rate));
    TRY(choose("source.compression", source.compression, {"none", "server-gzip", "server-lz4", "server-zstd"}));
    TRY(choose("source.verify", source.verify, {"available", "manifest"}));
    if (source.kind == SourceKind::connection) return {};
    for (const char* path : {"source.max_rate", "source.compression"}) {
        const Node* node = section_.find_path(path);
        if (node != nullptr) {
            return wrong_value(*node, path, "says nothing about this source",
                               "It belongs to source.connection; take it out.");
        }
    }
    return {};
}

Status Reader::read_recovery(RecoverySettings& recovery) const {
    TRY(read("recovery.restore_command", recovery.restore_command, to_text));
    TRY(read_target(recovery.target));
    TRY(read("recovery.target_timeline", recovery.target_timeline, to_timeline));
    TRY(read("recovery.target_inclusive", recovery.target_inclusive, to_bool));
    return check_recovery(recovery);
}

Status Reader::read_target(std::optional<RecoveryTarget>& target) const {
    using Kind = RecoveryTarget::Kind;
    for (const Kind kind : {Kind::time, Kind::lsn, Kind::xid, Kind::name}) {
        RecoveryTarget found{.kind = kind};
        const std::string path = "recovery." + found.key();
        const Node* node = section_.find_path(path);
        if (node == nullptr) continue;
        if (target) {
            return wrong_value(*node, path, fmt::format("stands beside 'polygon.recovery.{}'", target->key()),
                               "Recovery stops at one target: keep one of them.");
        }
        found.value = TRY(kind == Kind::lsn   ? to_lsn(*node, path)
                          : kind == Kind::xid ? to_transaction_id(*node, path)
                                              : to_text(*node, path));
        found.origin = node->place.brief();
        target = std::move(found);
    }
    return {};
}

Status Reader::check_recovery(const RecoverySettings& recovery) const {
    const Node* inclusive = section_.find_path("recovery.target_inclusive");
    if (inclusive != nullptr && (!recovery.target || recovery.target->kind == RecoveryTarget::Kind::name)) {
        return wrong_value(*inclusive, "recovery.target_inclusive", "says nothing about this recovery",
                           "It belongs to target_time, target_lsn and target_xid.");
    }
    if (!recovery.target || recovery.restore_command.value) return {};
    const std::string path = "recovery." + recovery.target->key();
    return wrong_value(*section_.find_path(path), path, "needs recovery.restore_command beside it",
                       "The WAL beyond the backup's end comes from production's archive; say how it is fetched.");
}

Status Reader::read_passwords(std::map<std::string, PasswordSource>& passwords) const {
    constexpr std::string_view kPath = "roles.passwords";
    const Node* node = section_.find_path(kPath);
    if (node != nullptr) passwords = TRY(to_password_sources(*node, kPath));
    return {};
}

Status read_all(const Reader& reader, PolygonSettings& settings) {
    TRY(reader.read_source(settings.source));
    TRY(reader.read_recovery(settings.recovery));
    TRY(reader.read("tablespaces", settings.tablespaces, to_path_map));
    TRY(reader.choose("system_identifier", settings.system_identifier, {"new", "keep"}));
    TRY(reader.choose("quarantine.mode", settings.quarantine.mode, {"on", "off"}));
    TRY(reader.choose("quarantine.isolation", settings.quarantine.isolation, {"required", "preferred"}));
    TRY(reader.read("quarantine.parameters", settings.quarantine.parameters, to_map));
    TRY(reader.read("quarantine.timeout", settings.quarantine.timeout, to_duration));
    TRY(reader.choose("roles.unlisted", settings.roles.unlisted, {"lock", "rotate", "keep"}));
    TRY(reader.read("roles.keep", settings.roles.keep, to_list));
    TRY(reader.read_passwords(settings.roles.passwords));
    TRY(reader.read("databases.rename", settings.databases.rename, to_map));
    TRY(reader.read("databases.drop", settings.databases.drop, to_list));
    TRY(reader.choose("subscriptions", settings.subscriptions, {"drop", "disable"}));
    TRY(reader.choose("jobs", settings.jobs, {"disable", "keep"}));
    TRY(reader.choose("foreign_servers", settings.foreign_servers, {"detach", "keep"}));
    TRY(reader.read("extensions.keep", settings.extensions.keep, to_list));
    TRY(reader.read("files.keep", settings.files.keep, to_relative_paths));
    TRY(reader.read("files.exclude", settings.files.exclude, to_relative_paths));
    TRY(reader.read("sql", settings.sql, to_absolute_path));
    TRY(reader.read("masking.rewrite", settings.masking.rewrite, to_bool));
    TRY(reader.choose("replicas", settings.replicas, {"leader", "staged"}));
    TRY(reader.read("staging.directory", settings.staging.directory, to_absolute_path));
    TRY(reader.choose("staging.previous", settings.staging.previous, {"keep-until-verified", "keep"}));
    return {};
}

Result<std::string> read_first_line(const PasswordSource& source) {
    std::ifstream stream(source.location, std::ios::binary);
    std::string line;
    if (stream.is_open()) std::getline(stream, line);
    if (!stream.is_open() || stream.bad()) {  // the latter for a directory
        return errno_error(Errc::secret_unreadable,
                           fmt::format("cannot read the password of role '{}' from '{}'", source.role, source.location),
                           errno, "Let the file exist and be readable by the user that Patroni runs as.");
    }
    if (line.ends_with('\r')) line.pop_back();
    return line;
}

// `quarantine: off` is short for `quarantine: {mode: off}`.
void expand_quarantine(Node& section) {
    Node* quarantine = section.find("quarantine");
    if (quarantine == nullptr || !quarantine->is_scalar()) return;
    const Node mode = *quarantine;
    *quarantine = Node{};
    quarantine->at("mode") = mode;
}

}  // namespace

std::string RecoveryTarget::key() const {
    switch (kind) {
        case Kind::time:
            return "target_time";
        case Kind::lsn:
            return "target_lsn";
        case Kind::xid:
            return "target_xid";
        case Kind::name:
            return "target_name";
    }
    return {};
}

Result<PolygonSettings> PolygonSettings::load(const ConfigurationSources& sources, const Overrides& overrides) {
    const LoadedTree tree = TRY(load_sources(sources));
    const Node* found = tree.root.find("polygon");
    Node section = found == nullptr ? Node{} : *found;
    expand_quarantine(section);
    TRY(check_keys(section));
    TRY(apply_environment(section, sources.environment));
    TRY(apply_overrides(section, overrides));
    PolygonSettings settings;
    TRY(read_all(Reader(section), settings));
    return settings;
}

Result<Secret> read_password(const PasswordSource& source, const Environment& environment) {
    if (source.kind == PasswordSource::Kind::file) {
        std::string line = TRY(read_first_line(source));
        if (!line.empty()) return Secret(std::move(line));
        return Error{Errc::secret_unreadable,
                     fmt::format("the password of role '{}' in '{}' is empty", source.role, source.location),
                     "Write the password into the file's first line."};
    }
    const auto found = environment.find(source.location);
    if (found != environment.end() && !found->second.empty()) return Secret(found->second);
    return Error{Errc::secret_unreadable,
                 fmt::format("the password of role '{}' is not in the environment: '{}' is not set", source.role,
                             source.location),
                 "Set the variable where Patroni is started."};
}

}  // namespace polygon::patroni
