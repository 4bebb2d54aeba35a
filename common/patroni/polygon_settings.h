// The `polygon:` section of Patroni's configuration, every key of it, and where each value came from.
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "common/base/result.h"
#include "common/base/secret.h"
#include "common/patroni/configuration.h"

namespace polygon::patroni {

// `origin` is "patroni.yml:12", "POLYGON_SOURCE_DIRECTORY", "--set source.directory" or "default".
template <class T>
struct Setting {
    T value{};
    std::string origin = "default";
};

using TextMap = std::map<std::string, std::string>;
using OptionalPath = std::optional<std::filesystem::path>;
using OptionalText = std::optional<std::string>;

enum class SourceKind { directory, connection, command };

// How the server compresses what a live backup sends; it needs PostgreSQL 15.
enum class WireCompression { none, gzip, lz4, zstd };

// manifest: a backup without backup_manifest is refused; available: what there is to compare with.
enum class Verification { available, manifest };

struct Source {
    SourceKind kind = SourceKind::directory;
    std::string value;  // the directory, the connection string or the command
    std::string origin;
    Setting<OptionalText> max_rate;  // of a connection: as pg_basebackup takes it, "100M"
    Setting<WireCompression> compression;
    Setting<Verification> verify;
};

enum class SystemIdentifier { renew /* "new" */, keep };
enum class UnlistedRoles { lock, rotate, keep };
enum class Subscriptions { drop, disable };
enum class Jobs { disable, keep };
enum class ForeignServers { detach, keep };
enum class Replicas { leader, staged };
enum class Previous { keep_until_verified, keep };

// Where a role's password is: a file, or a variable of the environment.
struct PasswordSource {
    enum class Kind { file, environment };
    std::string role;
    Kind kind = Kind::file;
    std::string location;  // the file's path or the variable's name
    std::string origin;
};

// Where recovery stops; PostgreSQL's recovery_target_*.
struct RecoveryTarget {
    enum class Kind { time, lsn, xid, name };
    Kind kind = Kind::time;
    std::string value;
    std::string origin;

    // "target_time".
    std::string key() const;
};

struct RecoverySettings {
    Setting<OptionalText> restore_command;
    std::optional<RecoveryTarget> target;  // none: the end of the backup
    Setting<OptionalText> target_timeline;
    Setting<bool> target_inclusive{true};
};

// off: Patroni itself starts what was restored, and polygon-post-bootstrap sanitises it then.
enum class QuarantineMode { on, off };

// Whether a quarantine that nothing can cut off from the network is an error or a warning.
enum class QuarantineIsolation { required, preferred };

struct QuarantineSettings {
    Setting<QuarantineMode> mode;
    Setting<QuarantineIsolation> isolation;
    Setting<TextMap> parameters;
    Setting<std::chrono::milliseconds> timeout{std::chrono::hours(24)};
};

struct RoleSettings {
    Setting<UnlistedRoles> unlisted;
    Setting<std::vector<std::string>> keep;
    std::map<std::string, PasswordSource> passwords;  // by role
};

struct DatabaseSettings {
    Setting<TextMap> rename;  // production's name -> the polygon's
    Setting<std::vector<std::string>> drop;
};

struct ExtensionSettings {
    Setting<std::vector<std::string>> keep;  // that act by themselves
};

// Of production's data directory, beyond what PostgreSQL itself keeps there. Files and folders in their normal form.
struct FileSettings {
    Setting<std::vector<std::string>> keep;
    Setting<std::vector<std::string>> exclude;
};

struct MaskingSettings {
    Setting<bool> rewrite;  // tables in which it has left old row versions
};

struct StagingSettings {
    Setting<OptionalPath> directory;  // none: beside the data directory
    Setting<Previous> previous;
};

// A value given on the command line, as `--set source.directory=/backups`.
using Overrides = std::vector<std::pair<std::string, std::string>>;

struct PolygonSettings {
    // Strongest first: `overrides`, POLYGON_*, the file, the default. A key that does not exist, a wrong type or two
    // sources is Errc::configuration with file and line and, as hint, the nearest known key.
    static Result<PolygonSettings> load(const ConfigurationSources& sources, const Overrides& overrides = {});

    std::optional<Source> source;  // none configured: for the program that needs one to complain about
    RecoverySettings recovery;
    Setting<TextMap> tablespaces;  // production's path -> ours
    Setting<SystemIdentifier> system_identifier;
    QuarantineSettings quarantine;
    RoleSettings roles;
    DatabaseSettings databases;
    Setting<Subscriptions> subscriptions;
    Setting<Jobs> jobs;
    Setting<ForeignServers> foreign_servers;
    ExtensionSettings extensions;
    FileSettings files;
    Setting<OptionalPath> sql;  // a folder of *.sql
    MaskingSettings masking;
    Setting<Replicas> replicas;
    StagingSettings staging;
};

// The first line of the file, or the variable. Errc::secret_unreadable, naming the role and the place, if it cannot be
// read or is empty.
Result<Secret> read_password(const PasswordSource& source, const Environment& environment);

}  // namespace polygon::patroni
