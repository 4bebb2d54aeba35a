// Production's configuration: told, not carried over, and of its preload libraries the harmless ones in the quarantine.
#include <fstream>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/live_production.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using Lines = std::vector<std::string>;

constexpr const char* kSecret = "hunter2";  // in each of production's files

// A running production whose files were changed after its start: it need not have all that they name.
class SettledProduction {
  public:
    static SettledProduction& shared() {
        static SettledProduction production;
        return production;
    }
    std::string conninfo() const { return fmt::format("host={} user=boss", server_->socket_directory().string()); }
    stdfs::path tar() const { return Site::shared().path() / "settled-tar"; }
    stdfs::path plain() const { return Site::shared().path() / "settled-plain"; }

  private:
    SettledProduction();
    void append(const std::string& file, const std::string& text) const;

    stdfs::path data_ = Site::shared().path() / "settled";
    std::optional<RunningServer> server_;
};

SettledProduction::SettledProduction() {
    Site& site = Site::shared();
    REQUIRE(site.run_postgres({"initdb", "-D", data_.string(), "-U", "boss", "-A", "trust", "--no-sync"}).exit_status ==
            0);
    server_.emplace("settled", data_, "");
    server_->query("CREATE ROLE app LOGIN PASSWORD 'production-app'");
    append("postgresql.conf",
           "shared_preload_libraries = 'pg_stat_statements, absent_library, auto_explain'\n"
           "archive_command = 'push --password=hunter2 %p'\n"
           "lc_time = 'overridden'\n"
           "primary_conninfo = 'host=prod password=hunter2'\n"
           "cron.database_name = 'hunter2'\n"
           "statement_timeout = 5min\n"
           "include_dir 'conf.d'\n");
    append("conf.d/20.conf", "restore_command = 'get hunter2'\n");
    append("conf.d/20.conf~", "hunter2\n");
    append("postgresql.auto.conf", "archive_command = 'push hunter2'\nlc_time = 'C.UTF-8'\n");
    append("pg_hba.conf", "host all all all ldap ldapserver=x ldapbindpasswd=hunter2\n");
    append("postgresql.conf.orig", "hunter2\n");
    append("log/old/monday.log", "STATEMENT:  ALTER ROLE app PASSWORD 'hunter2'\n");
    require(site.workspace().account().give(data_));
    const Lines base = {"pg_basebackup",     "-h",       server_->socket_directory().string(), "-U", "boss",
                        "--checkpoint=fast", "--no-sync"};
    for (const Lines& format : {Lines{"-Ft", "-z", "-D", tar().string()}, Lines{"-Fp", "-D", plain().string()}}) {
        Lines argv = base;
        argv.insert(argv.end(), format.begin(), format.end());
        REQUIRE(site.run_postgres(argv).exit_status == 0);
    }
}

void SettledProduction::append(const std::string& file, const std::string& text) const {
    stdfs::create_directories((data_ / file).parent_path());
    std::ofstream(data_ / file, std::ios::app) << text;
}

stdfs::path memory_map() {
    return Site::shared().path() / "memory-map";
}

// SQL that notes which libraries its server process has.
std::string noting_libraries() {
    Site& site = Site::shared();
    const stdfs::path folder = require(site.workspace().make_directory("noting"));
    std::ofstream(folder / "libraries.sql")
        << "-- database: postgres\n"
        << fmt::format("COPY (SELECT pg_read_file('/proc/self/maps')) TO '{}';\n", memory_map().string());
    return fmt::format("  sql: {}\n", folder.string());
}

Site& node(const std::string& source, const std::string& more) {
    Site& site = Site::shared();
    site.clear();
    stdfs::remove(memory_map());
    site.write_configuration(
        fmt::format("  source: {{{}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n{}", source, more));
    return site;
}

bool is_loaded(const std::string& library) {
    return require(fs::read_file(memory_map())).find("/" + library + ".so") != std::string::npos;
}

// Below a directory, with the secret in it.
Lines files_with_secret(const stdfs::path& directory) {
    Lines found;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file() && require(fs::read_file(entry.path())).find(kSecret) != std::string::npos)
            found.push_back(entry.path().string());
    }
    return found;
}

const postgres::LeftSetting& find_setting(const postgres::GenerationMarker& marker, const std::string& name) {
    const auto& settings = marker.not_carried_over;
    const auto found =
        std::find_if(settings.begin(), settings.end(), [&](const auto& one) { return one.name == name; });
    INFO(name);
    REQUIRE(found != settings.end());
    return *found;
}

void check_nothing_is_carried_over(Site& site, const process::Finished& done) {
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(done.err.find(kSecret) == std::string::npos);
    const stdfs::path& data = site.data_directory();
    CHECK(files_with_secret(data) == Lines{});
    CHECK(stdfs::exists(data / "global/pg_control"));
    CHECK_FALSE(stdfs::exists(data / "postgresql.conf.orig"));
    CHECK_FALSE(stdfs::exists(data / "conf.d"));
    CHECK_FALSE(stdfs::exists(data / "log"));
    CHECK(stdfs::is_empty(data / "pg_stat"));
    const auto marker = require(postgres::read_marker(data));
    REQUIRE(marker.has_value());
    CHECK(find_setting(*marker, "archive_command") ==
          postgres::LeftSetting{"archive_command", std::nullopt, "postgresql.auto.conf", false});
    CHECK(find_setting(*marker, "primary_conninfo").value == std::nullopt);
    CHECK(find_setting(*marker, "lc_time") ==
          postgres::LeftSetting{"lc_time", "C.UTF-8", "postgresql.auto.conf", true});
    CHECK(find_setting(*marker, "statement_timeout") ==
          postgres::LeftSetting{"statement_timeout", "5min", "postgresql.conf", true});
    CHECK(find_setting(*marker, "cron.database_name") ==
          postgres::LeftSetting{"cron.database_name", std::nullopt, "postgresql.conf", true});
    for (const char* excluded : {"conf.d/ (2 files)", "log/ (1 file)", "pg_hba.conf", "postgresql.conf.orig"}) {
        INFO(excluded);
        CHECK(std::find(marker->excluded.begin(), marker->excluded.end(), excluded) != marker->excluded.end());
    }
    CHECK(marker->left ==
          Lines{"preload library absent_library was not loaded in the quarantine: it is not installed here",
                "preload library auto_explain was not loaded in the quarantine: it logs statements"});
    CHECK_THAT(done.err, ContainsText("production's settings are not carried over"));
    CHECK_THAT(done.err, ContainsText("matter_to_behaviour=\"cron.database_name, "));
    CHECK_THAT(done.err,
               ContainsText("preload library auto_explain was not loaded in the quarantine: it logs statements"));
    CHECK_THAT(done.err, ContainsText("production's 'postgresql.conf' includes 'conf.d', which is not read"));
}

void check_only_harmless_is_loaded() {
    CHECK(is_loaded("pg_stat_statements"));
    CHECK_FALSE(is_loaded("auto_explain"));
}

TEST_CASE("of a tar backup no setting is carried over, and harmless libraries are loaded in the quarantine") {
    Site& site = node("directory: " + SettledProduction::shared().tar().string(), noting_libraries());
    check_nothing_is_carried_over(site, site.bootstrap());
    check_only_harmless_is_loaded();
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres", "SHOW shared_preload_libraries").empty());
        CHECK(site.query(socket, "postgres", "postgres", "SHOW statement_timeout") == "0");
    });
}

TEST_CASE("of a plain backup no setting is carried over") {
    Site& site = node("directory: " + SettledProduction::shared().plain().string(), "");
    check_nothing_is_carried_over(site, site.bootstrap());
}

TEST_CASE("of what a command brings no setting is carried over") {
    Site& site = node(fmt::format("command: 'cp -a {}/. {{datadir}}/'", SettledProduction::shared().plain().string()),
                      noting_libraries());
    check_nothing_is_carried_over(site, site.bootstrap());
    check_only_harmless_is_loaded();
}

TEST_CASE("of a running server no setting is carried over") {
    Site& site = node(fmt::format("connection: '{}'", SettledProduction::shared().conninfo()), noting_libraries());
    check_nothing_is_carried_over(site, site.bootstrap());
    check_only_harmless_is_loaded();
}

TEST_CASE("without production's postgresql.conf the clone is made, and says so") {
    const std::string copy = fmt::format("cp -a {}/. {{datadir}}/; rm {{datadir}}/postgresql.conf",
                                         SettledProduction::shared().plain().string());
    Site& site = node(fmt::format("command: '{}; rm {{datadir}}/backup_manifest'", copy), noting_libraries());
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    const auto marker = require(postgres::read_marker(site.data_directory()));
    CHECK(marker->left == Lines{"production's postgresql.conf is not in the backup: what it sets is not known"});
    CHECK(marker->not_carried_over ==
          std::vector<postgres::LeftSetting>{{"archive_command", std::nullopt, "postgresql.auto.conf", false},
                                             {"lc_time", "C.UTF-8", "postgresql.auto.conf", true}});
    CHECK_FALSE(is_loaded("pg_stat_statements"));
}

TEST_CASE("the libraries that the user names are loaded instead of production's") {
    const std::string tar = SettledProduction::shared().tar().string();
    Site& site = node("directory: " + tar,
                      noting_libraries() + "  quarantine: {parameters: {shared_preload_libraries: auto_explain}}\n");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(is_loaded("auto_explain"));
    CHECK_FALSE(is_loaded("pg_stat_statements"));
    CHECK(require(postgres::read_marker(site.data_directory()))->left.empty());
}

TEST_CASE("a server that does not start names where its libraries are chosen") {
    const std::string tar = SettledProduction::shared().tar().string();
    Site& site = node("directory: " + tar, "  quarantine: {parameters: {shared_preload_libraries: absent_library}}\n");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::process_failed));
    CHECK_THAT(done.err, ContainsText("could not access file \"absent_library\""));
    CHECK_THAT(done.err, ContainsText("name those to load in polygon.quarantine.parameters.shared_preload_libraries "
                                      "(loaded: absent_library)."));
    CHECK(site.has_no_data());
}

}  // namespace
}  // namespace polygon::test
