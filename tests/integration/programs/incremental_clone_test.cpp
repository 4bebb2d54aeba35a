// An incremental backup as source.directory, from the plan to the clone.
#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using Json = nlohmann::json;

bool has_incremental_backups(Site& site) {
    if (stdfs::exists(site.workspace().postgres_bin() / "pg_combinebackup")) return true;
    WARN("skipped: incremental backups came with PostgreSQL 17, and there is no pg_combinebackup here");
    return false;
}

void take_backup(Site& site, const stdfs::path& socket_directory, const std::string& name,
                 const std::vector<std::string>& options) {
    std::vector<std::string> argv = {"pg_basebackup",
                                     "-h",
                                     socket_directory.string(),
                                     "-U",
                                     "boss",
                                     "-D",
                                     site.path() / "incremental" / name,
                                     "--no-sync",
                                     "--checkpoint=fast"};
    argv.insert(argv.end(), options.begin(), options.end());
    const process::Finished done = site.run_postgres(argv);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
}

// A folder of a full backup and two incremental ones, each with more rows in thai.trips. Made once.
stdfs::path incremental_backups(Site& site) {
    const stdfs::path folder = site.path() / "incremental";
    if (stdfs::exists(folder)) return folder;
    require(site.workspace().make_directory("incremental"));
    site.with_server(site.path() / "production", [&](const stdfs::path& socket) {
        const auto add_rows = [&](int first, int last) {
            site.query(socket, "boss", "thai",
                       fmt::format("INSERT INTO trips SELECT g, 'more' FROM generate_series({}, {}) g", first, last));
        };
        site.query(socket, "boss", "postgres", "ALTER SYSTEM SET summarize_wal = on");
        site.query(socket, "boss", "postgres", "SELECT pg_reload_conf()");
        take_backup(site, socket, "1-full", {"-Ft", "-z"});
        add_rows(20001, 25000);
        take_backup(site, socket, "2-monday", {"-Fp", "--incremental=" + (folder / "1-full/backup_manifest").string()});
        add_rows(25001, 30000);
        take_backup(site, socket, "3-tuesday",
                    {"-Ft", "-z", "--incremental=" + (folder / "2-monday/backup_manifest").string()});
    });
    return folder;
}

process::Environment source(const stdfs::path& directory) {
    return {{"POLYGON_SOURCE_DIRECTORY", directory.string()}};
}

TEST_CASE("a clone is made of an incremental backup and those before it") {
    Site& site = Site::shared();
    if (!has_incremental_backups(site)) return;
    const stdfs::path folder = incremental_backups(site);
    site.clear();
    const process::Finished done = site.bootstrap(source(folder));
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("restoring the backup '3-tuesday' in '" + (folder / "3-tuesday").string() +
                                      "', incremental, takes 3 backups: '1-full' (tar, gzip), '2-monday' (plain), "
                                      "'3-tuesday' (tar, gzip)"));
    for (const char* name : {"incoming", "unpacked", "backup_manifest", "pg_combinebackup.log"})
        CHECK_FALSE(stdfs::exists(site.data_directory() / name));
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK(marker->backup_label == "3-tuesday");
    CHECK(std::find(marker->not_carried_over.begin(), marker->not_carried_over.end(),
                    postgres::LeftSetting{"summarize_wal", "on", "postgresql.auto.conf", false}) !=
          marker->not_carried_over.end());
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM trips") == "30000");
        CHECK(site.query(socket, "postgres", "postgres", "SHOW summarize_wal") == "off");  // production's ALTER SYSTEM
    });
}

TEST_CASE("plan names every backup of a chain, and counts the room for those that are unpacked") {
    Site& site = Site::shared();
    if (!has_incremental_backups(site)) return;
    const stdfs::path folder = incremental_backups(site);
    site.clear();
    const std::vector<std::string> argv = {"polygon-bootstrap", "plan", "--config", site.configuration().string()};
    const process::Finished table = site.run(argv, source(folder / "3-tuesday"));
    INFO(table.out << table.err);
    CHECK(table.exit_status == 0);
    CHECK_THAT(table.out, ContainsText("incremental, takes 3 backups: '1-full' (tar, gzip), '2-monday' (plain), "));
    CHECK_THAT(table.out, ContainsText("space              about "));
    CHECK_THAT(table.out, ContainsText(", data directory: unpacked backups "));
    std::vector<std::string> with_json = argv;
    with_json.emplace_back("--json");
    const process::Finished json = site.run(with_json, source(folder));
    const Json plan = Json::parse(json.out);
    REQUIRE(plan["source"]["earlier"].size() == 2);
    CHECK(plan["source"]["earlier"][0]["label"] == "1-full");
    CHECK(plan["source"]["earlier"][1]["format"] == "plain");
    REQUIRE(plan["space"][0]["needs"].size() == 2);
    CHECK(plan["space"][0]["needs"][0]["is_estimated"] == true);
    CHECK(plan["space"][0]["needs"][1]["bytes"] > plan["source"]["earlier"][0]["bytes"]);
    CHECK(site.has_no_data());
}

TEST_CASE("a damaged backup of a chain leaves no clone") {
    Site& site = Site::shared();
    if (!has_incremental_backups(site)) return;
    const stdfs::path folder = incremental_backups(site);
    const stdfs::path file = folder / "2-monday/pg_hba.conf";  // not even carried over
    const std::uintmax_t size_bytes = stdfs::file_size(file);
    site.clear();
    stdfs::resize_file(file, size_bytes + 1);
    const process::Finished done = site.bootstrap(source(folder));
    stdfs::resize_file(file, size_bytes);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::backup_corrupt));
    CHECK_THAT(done.err, ContainsText("backup '2-monday' does not match its manifest: pg_hba.conf: is "));
    CHECK(done.err.find("combining") == std::string::npos);
    CHECK(site.has_no_data());
}

}  // namespace
}  // namespace polygon::test
