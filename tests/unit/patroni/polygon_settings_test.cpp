#include "common/patroni/polygon_settings.h"

#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

using namespace std::chrono_literals;

constexpr const char* kWhole = R"(scope: main
polygon:
  source:
    directory: /backups/production
  recovery: {restore_command: "cp /archive/%f %p", target_time: "2026-11-20 03:00:00+00"}
  tablespaces: {/prod/fast: /var/lib/postgresql/fast}
  system_identifier: keep
  quarantine: {parameters: {shared_preload_libraries: timescaledb, work_mem: 64}, timeout: 90s}
  roles:
    unlisted: rotate
    keep: [monitoring, backup]
    passwords: {app: {file: /run/secrets/app}, web: {env: POLYGON_WEB_PASSWORD}}
  databases: {rename: {thai: thai_polygon}, drop: [audit]}
  subscriptions: disable
  jobs: keep
  foreign_servers: keep
  extensions: {keep: [citus]}
  files: {keep: [orioledb_data/, ./base/5//notes], exclude: [scratch]}
  sql: /etc/polygon/sql.d
  masking: {rewrite: true}
  replicas: staged
  staging: {directory: /big/staged, previous: keep}
)";

Result<PolygonSettings> load_text(const std::string& text, const Environment& environment = {},
                                  const Overrides& overrides = {}) {
    const Folder folder;
    return PolygonSettings::load({folder.write("patroni.yml", text), environment}, overrides);
}

TEST_CASE("reads every key, and where it stood") {
    const auto read = load_text(kWhole);
    INFO((read ? std::string() : read.error().message));
    REQUIRE(read.has_value());
    REQUIRE(read->source.has_value());
    CHECK(read->source->kind == SourceKind::directory);
    CHECK(read->source->value == "/backups/production");
    CHECK(read->source->origin == "patroni.yml:4");
    CHECK(read->recovery.restore_command.value == "cp /archive/%f %p");
    REQUIRE(read->recovery.target.has_value());
    CHECK(read->recovery.target->key() == "target_time");
    CHECK(read->recovery.target->value == "2026-11-20 03:00:00+00");
    CHECK(read->tablespaces.value == TextMap{{"/prod/fast", "/var/lib/postgresql/fast"}});
    CHECK(read->system_identifier.value == SystemIdentifier::keep);
    CHECK(read->quarantine.parameters.value ==
          TextMap{{"shared_preload_libraries", "timescaledb"}, {"work_mem", "64"}});
    CHECK(read->quarantine.timeout.value == 90s);
    CHECK(read->files.keep.value == std::vector<std::string>{"orioledb_data", "base/5/notes"});
    CHECK(read->files.exclude.value == std::vector<std::string>{"scratch"});
    CHECK(read->roles.unlisted.value == UnlistedRoles::rotate);
    CHECK(read->roles.unlisted.origin == "patroni.yml:10");
    CHECK(read->roles.keep.value == std::vector<std::string>{"monitoring", "backup"});
    CHECK(read->roles.passwords.at("app").kind == PasswordSource::Kind::file);
    CHECK(read->roles.passwords.at("app").location == "/run/secrets/app");
    CHECK(read->roles.passwords.at("app").role == "app");
    CHECK(read->roles.passwords.at("web").kind == PasswordSource::Kind::environment);
    CHECK(read->roles.passwords.at("web").location == "POLYGON_WEB_PASSWORD");
    CHECK(read->databases.rename.value == TextMap{{"thai", "thai_polygon"}});
    CHECK(read->databases.drop.value == std::vector<std::string>{"audit"});
    CHECK(read->subscriptions.value == Subscriptions::disable);
    CHECK(read->jobs.value == Jobs::keep);
    CHECK(read->foreign_servers.value == ForeignServers::keep);
    CHECK(read->extensions.keep.value == std::vector<std::string>{"citus"});
    CHECK(read->sql.value == "/etc/polygon/sql.d");
    CHECK(read->masking.rewrite.value);
    CHECK(read->replicas.value == Replicas::staged);
    CHECK(read->staging.directory.value == "/big/staged");
    CHECK(read->staging.previous.value == Previous::keep);
}

TEST_CASE("a slash at a path's end does not count") {
    const auto read = load_text("polygon: {tablespaces: {/prod/fast/: /here//, /prod/slow: /}}\n");
    REQUIRE(read.has_value());
    CHECK(read->tablespaces.value == TextMap{{"/prod/fast", "/here"}, {"/prod/slow", "/"}});
}

TEST_CASE("has the safe defaults, and says that they are defaults") {
    for (const char* text :
         {"scope: main\n", "polygon:\n", "polygon: {source: null, roles: {}, staging: {directory: null}}\n"}) {
        const auto read = load_text(text);
        REQUIRE(read.has_value());
        CHECK_FALSE(read->source.has_value());
        CHECK_FALSE(read->recovery.restore_command.value.has_value());
        CHECK(read->system_identifier.value == SystemIdentifier::renew);
        CHECK(read->system_identifier.origin == "default");
        CHECK(read->quarantine.timeout.value == 24h);
        CHECK(read->roles.unlisted.value == UnlistedRoles::lock);
        CHECK(read->subscriptions.value == Subscriptions::drop);
        CHECK(read->jobs.value == Jobs::disable);
        CHECK(read->foreign_servers.value == ForeignServers::detach);
        CHECK_FALSE(read->sql.value.has_value());
        CHECK_FALSE(read->masking.rewrite.value);
        CHECK(read->replicas.value == Replicas::leader);
        CHECK_FALSE(read->staging.directory.value.has_value());
        CHECK(read->staging.previous.value == Previous::keep_until_verified);
    }
}

TEST_CASE("a flag counts before the environment, and that before the file") {
    const Environment environment = {{"POLYGON_ROLES_UNLISTED", "keep"},
                                     {"POLYGON_SYSTEM_IDENTIFIER", "new"},
                                     {"POLYGON_SQL", ""},
                                     {"POLYGON_WEB_PASSWORD", "geheim"},
                                     {"POLYGON_CONFIG", "/etc/patroni.yml"}};
    const auto read = load_text(kWhole, environment, {{"roles.unlisted", "lock"}, {"recovery.target_time", ""}});
    INFO((read ? std::string() : read.error().message));
    REQUIRE(read.has_value());
    CHECK(read->roles.unlisted.value == UnlistedRoles::lock);
    CHECK(read->roles.unlisted.origin == "--set roles.unlisted");
    CHECK(read->system_identifier.value == SystemIdentifier::renew);
    CHECK(read->system_identifier.origin == "POLYGON_SYSTEM_IDENTIFIER");
    CHECK(read->sql.value == "/etc/polygon/sql.d");
    CHECK_FALSE(read->recovery.target.has_value());
}

TEST_CASE("a source that is given more strongly replaces the other") {
    const auto by_variable = load_text(kWhole, {{"POLYGON_SOURCE_CONNECTION", "host=prod"}});
    REQUIRE(by_variable.has_value());
    CHECK(by_variable->source->kind == SourceKind::connection);
    CHECK(by_variable->source->origin == "POLYGON_SOURCE_CONNECTION");
    const auto by_flag =
        load_text(kWhole, {{"POLYGON_SOURCE_CONNECTION", "host=prod"}}, {{"source.command", "tool {datadir}"}});
    REQUIRE(by_flag.has_value());
    CHECK(by_flag->source->kind == SourceKind::command);
    CHECK(by_flag->source->value == "tool {datadir}");
    CHECK(by_flag->source->origin == "--set source.command");
}

TEST_CASE("quarantine: off is short for its mode, and an old section of settings means on") {
    const auto off = load_text("scope: main\npolygon:\n  quarantine: off\n");
    REQUIRE(off.has_value());
    CHECK(off->quarantine.mode.value == QuarantineMode::off);
    CHECK(off->quarantine.mode.origin == "patroni.yml:3");
    CHECK(load_text("scope: main\npolygon:\n  quarantine: {mode: off}\n")->quarantine.mode.value ==
          QuarantineMode::off);
    CHECK(load_text(kWhole)->quarantine.mode.value == QuarantineMode::on);
    CHECK(load_text(kWhole, {{"POLYGON_QUARANTINE_MODE", "off"}})->quarantine.mode.value == QuarantineMode::off);
    const auto wrong = load_text("scope: main\npolygon:\n  quarantine: never\n");
    REQUIRE_FALSE(wrong.has_value());
    CHECK_THAT(wrong.error().message, ContainsText("'polygon.quarantine.mode' in "));
}

TEST_CASE("the section may be spread over the files of a folder") {
    const Folder folder;
    folder.write("a.yml", "scope: s\npolygon:\n  jobs: keep\n  roles: {unlisted: keep}\n");
    folder.write("b.yml", "polygon:\n  roles: {unlisted: rotate}\n");
    const auto read = PolygonSettings::load({folder.path(), {}});
    REQUIRE(read.has_value());
    CHECK(read->jobs.origin == "a.yml:3");
    CHECK(read->roles.unlisted.value == UnlistedRoles::rotate);
    CHECK(read->roles.unlisted.origin == "b.yml:2");
}

TEST_CASE("knows every unit of time") {
    const std::pair<const char*, std::chrono::milliseconds> texts[] = {{"500ms", 500ms}, {"90s", 90s}, {"15min", 15min},
                                                                       {"24h", 24h},     {"2d", 48h},  {"3 h", 3h}};
    for (const auto& [text, expected] : texts) {
        const auto read = load_text("polygon: {quarantine: {timeout: " + std::string(text) + "}}\n");
        REQUIRE(read.has_value());
        CHECK(read->quarantine.timeout.value == expected);
    }
}

}  // namespace
}  // namespace polygon::patroni
