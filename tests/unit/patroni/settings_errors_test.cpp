// What PolygonSettings::load refuses, and in which words.
#include "common/patroni/polygon_settings.h"
#include "tests/support/catch.h"
#include "tests/unit/patroni/folder.h"

namespace polygon::patroni {
namespace {

// The message has the file's folder, which no one can foresee, taken out.
Error error_of(const std::string& section, const Environment& environment = {}, const Overrides& overrides = {}) {
    const Folder folder;
    const auto read = PolygonSettings::load({folder.write("p.yml", "polygon:\n" + section), environment}, overrides);
    REQUIRE_FALSE(read.has_value());
    Error error = read.error();
    CHECK(error.code == Errc::configuration);
    const std::size_t at = error.message.find(folder.path().string());
    if (at != std::string::npos) error.message.erase(at, folder.path().string().size());
    return error;
}

TEST_CASE("an unknown key is an error with its line and the nearest known one") {
    const Error deep = error_of("  jobs: keep\n  roles:\n    unlistd: lock\n");
    CHECK(deep.message == "unknown key 'polygon.roles.unlistd' in '/p.yml' line 4");
    CHECK(deep.hint == "Did you mean 'unlisted'?");
    const Error top = error_of("  sorce: {directory: /b}\n");
    CHECK(top.message == "unknown key 'polygon.sorce' in '/p.yml' line 2");
    CHECK(top.hint == "Did you mean 'source'?");
    CHECK(error_of("  source: {zzzzzzzz: 1}\n").hint ==
          "Known are directory, connection, command, max_rate, compression, verify.");
    CHECK(error_of("  roles: [a]\n").message == "'polygon.roles' in '/p.yml' line 2 is not a mapping");
    CHECK(error_of("  just text\n").message == "'polygon' in '/p.yml' line 1 is not a mapping");
}

TEST_CASE("a word that is none of those allowed is an error that lists them") {
    const Error error = error_of("  roles: {unlisted: lokc}\n");
    CHECK(error.message == "'polygon.roles.unlisted' in '/p.yml' line 2 cannot be 'lokc'");
    CHECK(error.hint == "Allowed: lock, rotate, keep.");
    CHECK(error_of("", {{"POLYGON_REPLICAS", "x"}}).message ==
          "'polygon.replicas' in 'POLYGON_REPLICAS' cannot be 'x'");
    CHECK(error_of("", {}, {{"replicas", "x"}}).message == "'polygon.replicas' in '--set replicas' cannot be 'x'");
}

TEST_CASE("a value of another type is an error that says how to write it") {
    const Error list = error_of("  databases: {drop: audit}\n");
    CHECK(list.message == "'polygon.databases.drop' in '/p.yml' line 2 is not a list");
    CHECK(list.hint == "Write it as [a, b].");
    const Error map = error_of("  databases: {rename: [a]}\n");
    CHECK(map.message == "'polygon.databases.rename' in '/p.yml' line 2 is not a mapping");
    CHECK(map.hint == "Write it as {name: value}.");
    CHECK(error_of("  jobs: {a: b}\n").message == "'polygon.jobs' in '/p.yml' line 2 is not a plain value");
    CHECK(error_of("  quarantine: {parameters: {a: [1]}}\n").message ==
          "'polygon.quarantine.parameters.a' in '/p.yml' line 2 is not a plain value");
    const Error path = error_of("  sql: sql.d\n");
    CHECK(path.message == "'polygon.sql' in '/p.yml' line 2 is not an absolute path: 'sql.d'");
    CHECK(path.hint == "Give it from the root on.");
    CHECK(error_of("  tablespaces: {/a: b}\n").message ==
          "'polygon.tablespaces' in '/p.yml' line 2 is not an absolute path: 'b'");
}

TEST_CASE("a file to keep or to exclude is a path in the data directory, and no pattern") {
    for (const std::string entry : {"/orioledb_data", "..", "a/../../b", ".", "./"}) {
        INFO(entry);
        const Error error = error_of("  files: {keep: [" + entry + "]}\n");
        CHECK(error.message ==
              "'polygon.files.keep' in '/p.yml' line 2 is no path in the data directory: '" + entry + "'");
        CHECK(error.hint == "Write it relative to the data directory, as orioledb_data or pg_wal/extra.");
    }
    const Error pattern = error_of("  files: {exclude: ['orioledb_*']}\n");
    CHECK(pattern.message == "'polygon.files.exclude' in '/p.yml' line 2 takes no patterns: 'orioledb_*'");
    CHECK(pattern.hint == "Name each file or folder.");
    CHECK(error_of("  files: {keep: orioledb_data}\n").message ==
          "'polygon.files.keep' in '/p.yml' line 2 is not a list");
}

TEST_CASE("a duration without a unit, without a number or without sense is an error") {
    for (const std::string text :
         {"24", "h", "-1h", "0s", "1.5h", "10 parsecs", "99999999999d", "99999999999999999999s"}) {
        const Error error = error_of("  quarantine: {timeout: " + text + "}\n");
        CHECK(error.message == "'polygon.quarantine.timeout' in '/p.yml' line 2 is not a duration: '" + text + "'");
        CHECK(error.hint == "Write a number with ms, s, min, h or d.");
    }
}

TEST_CASE("two sources in one place are an error") {
    const Error error = error_of("  source:\n    directory: /b\n    command: x\n");
    CHECK(error.message == "'polygon.source.command' in '/p.yml' line 4 stands beside 'polygon.source.directory'");
    CHECK(error.hint == "Configure exactly one of directory, connection and command.");
    CHECK(error_of("", {}, {{"source.directory", "/b"}, {"source.command", "x"}}).message ==
          "'polygon.source.command' in '--set source.command' stands beside 'polygon.source.directory'");
}

TEST_CASE("a password that is written out is refused, and not repeated") {
    const Error plain = error_of("  roles: {passwords: {app: geheim}}\n");
    CHECK(plain.message == "'polygon.roles.passwords.app' in '/p.yml' line 2 is neither {file: PATH} nor {env: NAME}");
    CHECK(plain.hint == "Passwords come from a file or the environment.");
    const Error other = error_of("  roles: {passwords: {app: {fil: /a}}}\n");
    CHECK(other.message == "unknown key 'polygon.roles.passwords.app.fil' in '/p.yml' line 2");
    CHECK(other.hint == "Did you mean 'file'?");
    CHECK(error_of("  roles: {passwords: {app: {file: /a, env: B}}}\n").message ==
          "'polygon.roles.passwords.app' in '/p.yml' line 2 needs exactly one of file and env");
    CHECK(error_of("  roles: {passwords: {app: {file: a}}}\n").message ==
          "'polygon.roles.passwords.app.file' in '/p.yml' line 2 is not an absolute path: 'a'");
}

TEST_CASE("an unknown variable or override is an error with the nearest known one") {
    const Error variable = error_of("", {{"POLYGON_SOURCE_DIR", "/b"}});
    CHECK(variable.message == "unknown variable 'POLYGON_SOURCE_DIR' in the environment");
    CHECK(variable.hint == "Did you mean 'POLYGON_SOURCE_DIRECTORY'?");
    const Error flag = error_of("", {}, {{"source.directry", "/b"}});
    CHECK(flag.message == "unknown key '--set source.directry'");
    CHECK(flag.hint == "Did you mean 'source.directory'?");
    const Error list = error_of("", {}, {{"databases.drop", "a"}});
    CHECK(list.message == "'--set databases.drop' cannot be given as one value");
    CHECK(list.hint == "Write 'polygon.databases.drop' into Patroni's file.");
}

}  // namespace
}  // namespace polygon::patroni
