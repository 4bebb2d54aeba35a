#include "bootstrap/restore/production_settings.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using Lines = std::vector<std::string>;

// A clone, and what was kept aside of production's files.
class Clone {
  public:
    void keep(const std::string& path, const std::string& content) { files.keep(path, content); }
    void write(const std::string& path, const std::string& content) const {
        stdfs::create_directories((scratch.path() / path).parent_path());
        std::ofstream(scratch.path() / path) << content;
    }
    bool has(const std::string& path) const { return stdfs::exists(scratch.path() / path); }
    std::string value(const std::string& name) const {
        for (const postgres::LeftSetting& setting : read_production_settings(files).settings) {
            if (setting.name == name) return setting.value.value_or("(not told)") + " in " + setting.file;
        }
        return "";
    }
    void take_out() const { support::require(files.take_out(read_production_settings(files).included)); }

    support::Scratch scratch;
    ProductionFiles files{scratch.path()};
};

TEST_CASE("the last setting that PostgreSQL reads is the one in force") {
    Clone clone;
    clone.keep("postgresql.conf",
               "work_mem = 1MB\ninclude 'postgresql.base.conf'\nlc_time = 'C'\nWORK_MEM = 2MB\nport = 1\n");
    clone.keep("postgresql.base.conf", "work_mem = 3MB\nlc_time = 'th_TH'\nautovacuum = off\n");
    clone.keep("postgresql.auto.conf", "port = 2\n");
    clone.keep("unused.conf", "fsync = off\n");
    CHECK(clone.value("work_mem") == "2MB in postgresql.conf");
    CHECK(clone.value("lc_time") == "C in postgresql.conf");
    CHECK(clone.value("autovacuum") == "off in postgresql.base.conf");
    CHECK(clone.value("port") == "2 in postgresql.auto.conf");
    CHECK(clone.value("fsync").empty());
    CHECK(clone.value("include").empty());
}

TEST_CASE("values that may be secrets are not kept") {
    Clone clone;
    clone.keep("postgresql.conf", "archive_command = 'push --password=hunter2'\nanon.salt = 1234\nmyext.name = 'x'\n");
    CHECK(clone.value("archive_command") == "(not told) in postgresql.conf");
    CHECK(clone.value("anon.salt") == "(not told) in postgresql.conf");
    CHECK(clone.value("myext.name") == "(not told) in postgresql.conf");
}

TEST_CASE("what includes name is read from the clone, and taken out of it") {
    Clone clone;
    clone.keep("postgresql.conf",
               "include 'extra/site.conf'\ninclude_if_exists 'local'\ninclude_if_exists 'absent'\n"
               "include_dir 'settings'\ninclude_dir 'conf.d'\n");
    clone.keep("conf.d/a.conf", "work_mem = 7MB\n");
    clone.write("extra/site.conf", "include 'deeper/more.inc'\nlc_time = 'a'\n");
    clone.write("extra/deeper/more.inc", "lc_time = 'b'\nlc_numeric = 'b'\n");
    clone.write("local", "port = 5\n");
    clone.write("settings/10.conf", "jit = on\n");
    clone.write("settings/20.conf", "jit = off\n");
    clone.write("settings/old.conf.bak", "jit = 3\n");
    clone.write("settings/.hidden.conf", "jit = 4\n");
    clone.write("other/data", "x");
    CHECK(clone.value("lc_time") == "a in extra/site.conf");
    CHECK(clone.value("lc_numeric") == "b in extra/deeper/more.inc");
    CHECK(clone.value("port") == "5 in local");
    CHECK(clone.value("jit") == "off in settings/20.conf");
    CHECK(clone.value("work_mem") == "7MB in conf.d/a.conf");
    CHECK(read_production_settings(clone.files).problems.empty());
    clone.take_out();
    for (const char* path : {"extra/site.conf", "extra/deeper/more.inc", "local", "settings/10.conf",
                             "settings/20.conf", "settings/old.conf.bak", "settings/.hidden.conf"}) {
        INFO(path);
        CHECK_FALSE(clone.has(path));
    }
    CHECK(clone.has("other/data"));
}

TEST_CASE("an absolute path may lead into production's data directory") {
    Clone clone;
    clone.keep("postgresql.conf", "include '/srv/prod/data/extra/site.conf'\ninclude_dir '/srv/prod/data/settings/'\n");
    clone.write("extra/site.conf", "port = 5\n");
    clone.write("site.conf", "port = 6\n");
    clone.write("settings/a.conf", "jit = on\n");
    CHECK(clone.value("port") == "5 in extra/site.conf");
    CHECK(clone.value("jit") == "on in settings/a.conf");
    clone.take_out();
    CHECK_FALSE(clone.has("extra/site.conf"));
    CHECK_FALSE(clone.has("settings/a.conf"));
}

TEST_CASE("an include never takes the cluster's data, nor anything outside the clone") {
    Clone clone;
    const support::Scratch elsewhere;
    std::ofstream(elsewhere.path() / "precious.conf") << "port = 1\n";
    clone.write("global/pg_control", "control");
    clone.write("base/1/1259", "data");
    clone.write("base/1/odd.conf", "lc_time = 'x'\n");
    clone.write("PG_VERSION", "15\n");
    clone.write("backup_label", "label");
    clone.write("polygon.json", "{}");
    clone.write("postgresql.conf", "the bar");
    clone.write("pg_wal/000000010000000000000001", "wal");
    clone.write("data/../nearby", "x");
    stdfs::create_directory_symlink(elsewhere.path(), clone.scratch.path() / "linked");
    stdfs::create_symlink(elsewhere.path() / "precious.conf", clone.scratch.path() / "link.conf");
    clone.keep("postgresql.conf",
               "include 'global/pg_control'\ninclude 'extra/../base/1/1259'\ninclude '/srv/base/1/1259'\n"
               "include_dir 'base/1'\ninclude_dir 'global'\ninclude_dir '.'\ninclude_dir ''\ninclude_dir "
               "'/'\ninclude_dir 'pg_wal'\n"
               "include 'PG_VERSION'\ninclude 'backup_label'\ninclude 'polygon.json'\ninclude 'postgresql.conf'\n"
               "include '../precious.conf'\ninclude '" +
                   (elsewhere.path() / "precious.conf").string() +
                   "'\ninclude 'linked/precious.conf'\ninclude_dir 'linked'\ninclude 'link.conf'\ninclude ''\ninclude "
                   "'base'\n");
    CHECK(clone.value("lc_time") == "x in base/1/odd.conf");
    CHECK(clone.value("port").empty());
    clone.take_out();
    for (const char* path : {"global/pg_control", "base/1/1259", "PG_VERSION", "backup_label", "polygon.json",
                             "postgresql.conf", "pg_wal/000000010000000000000001"}) {
        INFO(path);
        CHECK(clone.has(path));
    }
    CHECK_FALSE(clone.has("base/1/odd.conf"));
    CHECK(stdfs::exists(elsewhere.path() / "precious.conf"));
    const ProductionSettings production = read_production_settings(clone.files);
    CHECK(std::find(
              production.problems.begin(), production.problems.end(),
              "production's 'postgresql.conf' includes 'global/pg_control', which is a file of PostgreSQL's own and "
              "stays") != production.problems.end());
    CHECK(std::find(production.problems.begin(), production.problems.end(),
                    "production's 'postgresql.conf' includes '../precious.conf', which is not in the backup") !=
          production.problems.end());
}

// A clone with these files, after leave_settings_behind().
void leave_behind(Clone& clone, const Lines& paths) {
    for (const std::string& path : paths)
        clone.write(path, "a row of production's");
    postgres::GenerationMarker marker;
    support::require(leave_settings_behind(clone.files, marker));
}

TEST_CASE("production's logs go, wherever log_directory says they are, and the directory stays") {
    Clone clone;
    clone.keep("postgresql.conf", "log_directory = 'server_logs'\ninclude 'extra/a.conf'\n");
    clone.keep("postgresql.auto.conf", "LOG_DIRECTORY = '/srv/prod/data/more/pg_logs/'\n");
    clone.write("extra/a.conf", "log_directory = 'older'\n");
    leave_behind(clone, {"server_logs/a.log", "server_logs/deep/er/b", "server_logs/.hidden", "older/x.csv",
                         "more/pg_logs/y.json", "more/data", "pg_wal/000000010000000000000001"});
    for (const char* path :
         {"server_logs/a.log", "server_logs/deep", "server_logs/.hidden", "older/x.csv", "more/pg_logs/y.json"}) {
        INFO(path);
        CHECK_FALSE(clone.has(path));
    }
    for (const char* path : {"server_logs", "older", "more/data", "pg_wal/000000010000000000000001"}) {
        INFO(path);
        CHECK(clone.has(path));
    }
}

TEST_CASE("log_directory never empties a directory of PostgreSQL's own, nor anything outside the clone") {
    const support::Scratch elsewhere;
    std::ofstream(elsewhere.path() / "precious") << "x";
    for (const std::string named : {"base", "global/../base", "base/1", "pg_wal", "/srv/prod/base", "pg_xact/.",
                                    "../elsewhere", "linked", "absent", "/"}) {
        INFO(named);
        Clone clone;
        stdfs::create_directory_symlink(elsewhere.path(), clone.scratch.path() / "linked");
        clone.keep("postgresql.conf", "log_directory = '" + named + "'\n");
        const Lines kept = {"base/1/1259", "global/pg_control", "pg_wal/000000010000000000000001", "pg_xact/0000",
                            "top.log"};
        leave_behind(clone, kept);
        for (const std::string& path : kept)
            CHECK(clone.has(path));
        CHECK(stdfs::exists(elsewhere.path() / "precious"));
    }
    Clone clone;
    clone.write("logs/a", "x");
    stdfs::create_directory_symlink(elsewhere.path(), clone.scratch.path() / "logs/link");
    clone.keep("postgresql.conf", "log_directory = logs\n");
    leave_behind(clone, {});
    CHECK(stdfs::is_empty(clone.scratch.path() / "logs"));
    CHECK(stdfs::exists(elsewhere.path() / "precious"));
}

TEST_CASE("of logs beside PostgreSQL's own files those go that are called like logs") {
    Clone clone;
    clone.keep("postgresql.conf", "log_directory = '.'\n");
    leave_behind(clone, {"x.log", "x.csv", "x.json", "PG_VERSION", "polygon.json", "base/1/1259", "backup_label"});
    for (const char* path : {"x.log", "x.csv", "x.json"})
        CHECK_FALSE(clone.has(path));
    for (const char* path : {"PG_VERSION", "polygon.json", "base/1/1259", "backup_label"})
        CHECK(clone.has(path));
}

TEST_CASE("files that include each other over and over end") {
    Clone clone;
    std::string much;
    for (int i = 0; i < 2000; ++i)
        much += "include 'b'\ninclude 'c'\n";
    clone.keep("postgresql.conf", "include 'b'\nport = 1\n");
    for (const char* name : {"b", "c", "d"})
        clone.write(name, much + "include 'd'\n");
    CHECK(clone.value("port") == "1 in postgresql.conf");
    CHECK(read_production_settings(clone.files).problems.size() <= 20);
}

TEST_CASE("what cannot be understood or read is told, and the rest is read") {
    Clone clone;
    clone.keep("postgresql.conf", "port = 1\nnonsense\n= 3\ninclude 'large'\ninclude '/etc/postgresql/x.conf'\n");
    clone.files.keep("postgresql.auto.conf", std::nullopt);
    clone.write("large", std::string((1 << 20) + 1, '#'));
    const ProductionSettings production = read_production_settings(clone.files);
    CHECK(production.settings.size() == 1);
    CHECK(production.problems ==
          Lines{"production's 'large' cannot be read here, or has more than 1 MiB",
                "production's 'postgresql.conf' includes '/etc/postgresql/x.conf', which is not in the backup",
                "production's 'postgresql.conf' has 2 lines that are not understood, the first is line 2",
                "production's 'postgresql.auto.conf' cannot be read here, or has more than 1 MiB"});
    clone.take_out();
    CHECK_FALSE(clone.has("large"));
}

TEST_CASE("what pg_hba.conf includes goes too, and sets nothing") {
    Clone clone;
    clone.keep("postgresql.conf", "port = 1\n");
    clone.keep("pg_hba.conf", "include rules/ldap\nhost all all all trust\n");
    clone.write("rules/ldap", "host all all all ldap ldapbindpasswd=hunter2\nport = 2\n");
    CHECK(clone.value("port") == "1 in postgresql.conf");
    clone.take_out();
    CHECK_FALSE(clone.has("rules/ldap"));
}

TEST_CASE("the marker has production's settings, or says that there was no file of them") {
    Clone clone;
    clone.keep("postgresql.auto.conf", "lc_time = 'C'\n");
    postgres::GenerationMarker marker;
    support::require(leave_settings_behind(clone.files, marker));
    CHECK(marker.not_carried_over ==
          std::vector<postgres::LeftSetting>{{"lc_time", "C", "postgresql.auto.conf", true}});
    CHECK(marker.left == Lines{"production's postgresql.conf is not in the backup: what it sets is not known"});
    clone.keep("postgresql.conf", "");
    marker = {};
    support::require(leave_settings_behind(clone.files, marker));
    CHECK(marker.left.empty());
}

TEST_CASE("the configuration of a filled directory is told, links are not followed") {
    const support::Scratch scratch;
    const support::Scratch elsewhere;
    stdfs::create_directories(scratch.path() / "conf.d/more");
    stdfs::create_directories(scratch.path() / "base");
    std::ofstream(elsewhere.path() / "secret") << "x";
    for (const char* path : {"postgresql.conf", "conf.d/a.conf", "conf.d/more/b", "base/c.conf", "PG_VERSION"})
        std::ofstream(scratch.path() / path) << path;
    stdfs::create_symlink(elsewhere.path() / "secret", scratch.path() / "linked.conf");
    std::map<std::string, std::string> told;
    tell_configuration(scratch.path(), [&](const std::string& path, const std::optional<std::string>& content) {
        told[path] = content.value_or("none");
    });
    CHECK(told == std::map<std::string, std::string>{{"postgresql.conf", "postgresql.conf"},
                                                     {"conf.d/a.conf", "conf.d/a.conf"},
                                                     {"conf.d/more/b", "conf.d/more/b"}});
    tell_configuration(scratch.path() / "absent", [](const auto&, const auto&) { FAIL(); });
}

}  // namespace
}  // namespace polygon::bootstrap
