// What a clone gets of the files in production's data directory that are not PostgreSQL's own, from every source.
#include <algorithm>
#include <fstream>

#include <fmt/format.h>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/live_production.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using Lines = std::vector<std::string>;

constexpr const char* kSecret = "hunter2";  // in each file that no clone may have

// A running production with files of its own in the data directory, and backups of it.
class LitteredProduction {
  public:
    static LitteredProduction& shared() {
        static LitteredProduction production;
        return production;
    }
    std::string source(const std::string& kind) const {
        const std::string plain = path("plain").string();
        if (kind == "tar") return fmt::format("directory: {}", path("tar").string());
        if (kind == "plain") return fmt::format("directory: {}", plain);
        if (kind == "command") return fmt::format("command: 'cp -a {}/. {{datadir}}/'", plain);
        return fmt::format("connection: 'host={} user=boss'", server_->socket_directory().string());
    }

  private:
    LitteredProduction();
    static stdfs::path path(const std::string& kind) { return Site::shared().path() / ("littered-" + kind); }
    static void write(const stdfs::path& file, const std::string& content) {
        stdfs::create_directories(file.parent_path());
        std::ofstream(file) << content;
    }

    std::optional<RunningServer> server_;
};

LitteredProduction::LitteredProduction() {
    Site& site = Site::shared();
    const stdfs::path data = path("production");
    REQUIRE(site.run_postgres({"initdb", "-D", data.string(), "-U", "boss", "-A", "trust", "--no-sync"}).exit_status ==
            0);
    server_.emplace("littered", data, "");
    server_->query("CREATE ROLE app LOGIN PASSWORD 'production-app'");
    for (const char* name : {".pgpass", "server.key", "conf.d/archive.conf", "base/1/.1259.swp", "global/notes~",
                             "postgresql.conf.orig"}) {
        write(data / name, kSecret);
    }
    write(data / "orioledb_data/1/16385", "precious");
    require(site.workspace().account().give(data));
    const Lines base = {"pg_basebackup",     "-h",       server_->socket_directory().string(), "-U", "boss",
                        "--checkpoint=fast", "--no-sync"};
    for (const Lines& format :
         {Lines{"-Ft", "-z", "-D", path("tar").string()}, Lines{"-Fp", "-D", path("plain").string()}}) {
        Lines argv = base;
        argv.insert(argv.end(), format.begin(), format.end());
        REQUIRE(site.run_postgres(argv).exit_status == 0);
    }
    // pg_basebackup leaves it out; a copy of the file system has it.
    write(path("plain") / "pg_wal/.wal-g/prefetch/000000010000000000000009", kSecret);
    require(site.workspace().account().give(path("plain")));
}

Site& node(const std::string& kind, const std::string& files) {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(
        fmt::format("  source: {{{}}}\n  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n{}",
                    LitteredProduction::shared().source(kind), files));
    return site;
}

Lines files_with_secret(const stdfs::path& directory) {
    Lines found;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory)) {
        if (entry.is_regular_file() && require(fs::read_file(entry.path())).find(kSecret) != std::string::npos)
            found.push_back(entry.path().string());
    }
    return found;
}

void check_excluded(const stdfs::path& data, const Lines& more) {
    CHECK(files_with_secret(data) == Lines{});
    const auto marker = require(postgres::read_marker(data));
    REQUIRE(marker.has_value());
    Lines expected = {".pgpass",       "base/1/.1259.swp",     "conf.d/ (1 file)",
                      "global/notes~", "postgresql.conf.orig", "server.key"};
    expected.insert(expected.end(), more.begin(), more.end());
    for (const std::string& entry : expected) {
        INFO(entry);
        CHECK(std::count(marker->excluded.begin(), marker->excluded.end(), entry) == 1);
    }
}

TEST_CASE("a folder that nobody knows stops plan and bootstrap, whatever the source is") {
    const std::string kind = GENERATE("tar", "plain", "command", "connection");
    INFO(kind);
    Site& site = node(kind, "");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(done.err, ContainsText("the backup holds the folder 'orioledb_data', which is not PostgreSQL's own"));
    CHECK_THAT(done.err, ContainsText("polygon.files.keep"));
    CHECK(site.has_no_data());
    if (kind != "tar" && kind != "plain") return;  // whose files are seen when they have come
    CHECK(done.err.find("restoring") == std::string::npos);
    const process::Finished plan = site.run({"polygon-bootstrap", "plan", "--config", site.configuration().string()});
    CHECK(plan.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(plan.err, ContainsText("the folder 'orioledb_data'"));
}

TEST_CASE("files.keep brings a folder whole, and nothing else of production's") {
    const std::string kind = GENERATE("tar", "plain", "command", "connection");
    INFO(kind);
    Site& site = node(kind, "  files: {keep: [orioledb_data/]}\n");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK(require(fs::read_file(site.data_directory() / "orioledb_data/1/16385")) == "precious");
    check_excluded(site.data_directory(), {});
    CHECK_THAT(done.err, ContainsText("files that are not PostgreSQL's own are not carried over"));
    CHECK_FALSE(stdfs::exists(site.data_directory() / "pg_wal/.wal-g"));
}

TEST_CASE("files.exclude leaves a folder out, and lists it") {
    const std::string kind = GENERATE("tar", "plain", "command", "connection");
    INFO(kind);
    Site& site = node(kind, "  files: {exclude: [orioledb_data]}\n");
    const process::Finished plan = site.run({"polygon-bootstrap", "plan", "--config", site.configuration().string()});
    CHECK(plan.exit_status == 0);
    if (kind == "tar") CHECK_THAT(plan.out, ContainsText("orioledb_data/ (1 file)"));
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_FALSE(stdfs::exists(site.data_directory() / "orioledb_data"));
    Lines more = {"orioledb_data/ (1 file)"};
    if (kind == "plain" || kind == "command") more.push_back("pg_wal/.wal-g/ (1 file)");
    check_excluded(site.data_directory(), more);
}

TEST_CASE("what files.keep names and the backup does not hold ends the bootstrap") {
    Site& site = node("tar", "  files: {keep: [orioledb_data, orioledb_undo]}\n");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::backup_incomplete));
    CHECK_THAT(done.err, ContainsText("polygon.files.keep (patroni.yml:"));
    CHECK_THAT(done.err, ContainsText("names 'orioledb_undo', which the backup does not hold"));
    CHECK(site.has_no_data());
}

TEST_CASE("restore by itself brings every file") {
    Site& site = Site::shared();
    const std::string tar = LitteredProduction::shared().source("tar").substr(std::string("directory: ").size());
    const stdfs::path target = site.path() / "littered-restored";
    const process::Finished done = site.run({"polygon-bootstrap", "restore", tar, target.string()});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    for (const char* name : {".pgpass", "server.key", "conf.d/archive.conf", "base/1/.1259.swp", "postgresql.conf",
                             "orioledb_data/1/16385"}) {
        INFO(name);
        CHECK(stdfs::exists(target / name));
    }
    stdfs::remove_all(target);
}

}  // namespace
}  // namespace polygon::test
