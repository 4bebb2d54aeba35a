// polygon-bootstrap check and plan: neither changes anything.
#include <algorithm>
#include <fstream>

#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "tests/integration/programs/backup_copy.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using Json = nlohmann::json;

process::Finished plan(Site& site, std::vector<std::string> options = {}, const process::Environment& variables = {}) {
    std::vector<std::string> argv = {"polygon-bootstrap", "plan", "--config", site.configuration().string()};
    argv.insert(argv.end(), options.begin(), options.end());
    return site.run(argv, variables);
}

TEST_CASE("check says on one line what a sound backup is") {
    Site& site = Site::shared();
    const process::Finished tar = site.run({"polygon-bootstrap", "check", site.tar_backups().string()});
    INFO(tar.out << tar.err);
    CHECK(tar.exit_status == 0);
    CHECK(std::count(tar.out.begin(), tar.out.end(), '\n') == 1);
    CHECK(tar.out.starts_with("20261120: "));
    CHECK_THAT(tar.out, ContainsText(" bytes, verified in "));
    CHECK_THAT(tar.out, ContainsText(" GMT, PostgreSQL "));
    CHECK(tar.out.ends_with(", tar, gzip\n"));
    const process::Finished plain = site.run({"polygon-bootstrap", "check", site.plain_backup().string()});
    CHECK(plain.exit_status == 0);
    CHECK(plain.out.ends_with(", plain\n"));
}

TEST_CASE("check names every problem of a damaged backup, and writes nothing but the status file") {
    Site& site = Site::shared();
    const BackupCopy backup(site, site.plain_backup());
    backup.damage();
    const std::vector<std::string> before = entries_of(backup.path());
    const stdfs::path status = site.path() / "check.json";
    const process::Finished done =
        site.run({"polygon-bootstrap", "check", backup.path().string(), "--status-file", status.string()});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::backup_corrupt));
    CHECK(done.out.empty());
    for (const char* problem : {"base/1/1259: ", "base/1/1249: ", "base/1/extra: "})
        CHECK_THAT(done.err, ContainsText(std::string("WARNING polygon-bootstrap: ") + problem));
    CHECK(entries_of(backup.path()) == before);
    const Json written = Json::parse(require(fs::read_file(status)));
    CHECK(written["phase"] == "check");
    CHECK(written["state"] == "failed");
    CHECK_THAT(written["error"].get<std::string>(), ContainsText("base/1/1249"));
}

TEST_CASE("plan refuses places that a rebuild could not rename, before anything stops") {
    Site& site = Site::shared();
    site.clear();
    const auto check_refused = [&](const std::string& section, const process::Environment& variables,
                                   const std::string& message) {
        site.write_configuration(site.good_section() + section);
        const process::Finished done = plan(site, {}, variables);
        INFO(done.err);
        CHECK(done.exit_status == exit_status(Errc::configuration));
        CHECK_THAT(done.err, ContainsText(message));
    };
    const std::string fast = (site.path() / "fast").string();
    check_refused("  tablespaces: {/prod/fast: " + fast + ".staged/}\n", {},
                  "the place of tablespace '/prod/fast', '" + fast + ".staged' ends in '.staged'");
    check_refused("  tablespaces: {/prod/fast: " + site.data_directory().string() + "/fast}\n", {},
                  "which is renamed together with data directory '" + site.data_directory().string() + "'");
    const std::string data = (site.path() / "node/data.previous").string();
    check_refused("", {{"PATRONI_POSTGRESQL_DATA_DIR", data + "/"}},
                  "data directory '" + data + "' ends in '.previous', which a rebuild and Patroni give to what they");
    site.write_configuration(site.good_section());
    CHECK(plan(site).exit_status == 0);
}

TEST_CASE("plan says what a bootstrap would do, and does nothing") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished done = plan(site);
    INFO(done.out << done.err);
    CHECK(done.exit_status == 0);
    for (const std::string& line :
         {std::string("scope              polygon\n"), std::string("member             polygon1\n"),
          "source             backup '20261120' in " + (site.tar_backups() / "20261120").string(),
          "data directory     " + site.data_directory().string() + "\n",
          "restored into      " + site.data_directory().string() + ".staged\n", std::string("system identifier  new\n"),
          std::string("roles              postgres (superuser, postgresql.authentication)\n"),
          std::string("app (roles.passwords, "), std::string("all other roles    lock\n"),
          std::string("subscriptions      drop\n"), std::string("jobs               disable\n"),
          std::string("foreign servers    detach\n"), std::string(" needed, ")}) {
        CHECK_THAT(done.out, ContainsText(line));
    }
    CHECK(done.out.find("NOT ENOUGH") == std::string::npos);
    CHECK(done.out.find("polygon-app") == std::string::npos);  // the password
    CHECK(site.has_no_data());
    CHECK(site.etcd_keys().empty());
}

TEST_CASE("plan as JSON has the same, in numbers") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished done = plan(site, {"--json"});
    INFO(done.out << done.err);
    REQUIRE(done.exit_status == 0);
    const Json json = Json::parse(done.out);
    CHECK(json["scope"] == "polygon");
    CHECK(json["source"]["label"] == "20261120");
    CHECK(json["source"]["format"] == "tar, gzip");
    const std::string manifest = (site.tar_backups() / "20261120" / "backup_manifest").string();
    CHECK(json["source"]["identity"] == site.run({"sha256sum", manifest}).out.substr(0, 64));
    CHECK(json["replicas"] == "leader");
    CHECK(json["source"]["wal_bytes_are_estimated"] == true);
    CHECK(json["source"]["wal_bytes"].get<std::uint64_t>() % (16U << 20) == 0);
    CHECK(json["data_directory_entries"] == 0);
    CHECK(json["tablespaces"].empty());
    CHECK(json["roles"]["named"][0]["privilege"] == "superuser");
    REQUIRE(json["space"].size() == 1);
    CHECK(json["space"][0]["is_enough"] == true);
    CHECK(json["space"][0]["needed_bytes"] ==
          json["source"]["bytes"].get<std::uint64_t>() + json["source"]["wal_bytes"].get<std::uint64_t>());
}

TEST_CASE("plan can be asked while the old polygon is still there") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path data = require(site.workspace().make_directory("node/data"));
    std::ofstream(data / "PG_VERSION") << "15\n";
    const process::Finished done = plan(site);
    INFO(done.out << done.err);
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.out, ContainsText("not empty (1 entries), polygon-entrypoint sets it aside"));
    CHECK(entries_of(data) == std::vector<std::string>{"PG_VERSION"});
}

TEST_CASE("plan names the databases that are dropped and renamed, and a quarantine that is off") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(site.good_section() +
                             "  databases: {drop: [audit], rename: {thai: thai_polygon}}\n"
                             "  quarantine: off\n  system_identifier: keep\n");
    const process::Finished done = plan(site);
    INFO(done.out << done.err);
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.out, ContainsText("quarantine         off\n"));
    CHECK_THAT(done.out, ContainsText("databases          audit: dropped\n"));
    CHECK_THAT(done.out, ContainsText("                   thai: renamed to thai_polygon\n"));
}

TEST_CASE("plan and the bootstrap itself refuse where there is too little room") {
    Site& site = Site::shared();
    site.clear();
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    backup.inflate_manifest();
    const process::Environment variables = {{"POLYGON_SOURCE_DIRECTORY", backup.path().string()}};
    const process::Finished planned = plan(site, {}, variables);
    INFO(planned.out << planned.err);
    CHECK(planned.exit_status == exit_status(Errc::no_space));
    CHECK_THAT(planned.out, ContainsText("NOT ENOUGH\n"));
    const process::Finished done = site.bootstrap(variables);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::no_space));
    CHECK_THAT(done.err, ContainsText(".staged' (data directory) has "));
    CHECK(site.has_no_data());
}

TEST_CASE("what a rebuild removes first is room in its plan, and in no other") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path previous = require(site.workspace().make_directory("node/data.previous"));
    std::ofstream(previous / "rows") << std::string(1U << 20, 'x');
    const process::Finished done = plan(site, {"--json"});
    INFO(done.out << done.err);
    REQUIRE(done.exit_status == 0);
    const Json json = Json::parse(done.out);
    CHECK(json["reclaimable_bytes"].get<std::uint64_t>() >= 1U << 20);
    CHECK(json["space"][0]["reclaimable_bytes"] == json["reclaimable_bytes"]);
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    backup.inflate_manifest();
    const process::Environment variables = {{"POLYGON_SOURCE_DIRECTORY", backup.path().string()}};
    CHECK(plan(site, {}, variables).exit_status == exit_status(Errc::no_space));
    CHECK(plan(site, {"--json"}, variables).exit_status == exit_status(Errc::no_space));
    stdfs::remove_all(previous);
    CHECK(Json::parse(plan(site, {"--json"}).out)["reclaimable_bytes"] == 0);
}

TEST_CASE("a bootstrap tells a status file its phases and its end") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path status = site.path() / "bootstrap.json";
    const auto run = [&](const process::Environment& variables) {
        return site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--scope=polygon",
                         "--datadir=" + site.data_directory().string(), "--status-file", status.string()},
                        variables);
    };
    REQUIRE(run({}).exit_status == 0);
    const Json done = Json::parse(require(fs::read_file(status)));
    CHECK(done["phase"] == "quarantine");
    CHECK(done["state"] == "done");
    CHECK(done["bytes_done"] == done["bytes_total"]);
    CHECK(run({}).exit_status == exit_status(Errc::data_directory_occupied));
    const Json failed = Json::parse(require(fs::read_file(status)));
    CHECK(failed["phase"] == "plan");
    CHECK(failed["state"] == "failed");
    CHECK_THAT(failed["error"].get<std::string>(), ContainsText("is not empty"));
}

TEST_CASE("each subcommand explains itself") {
    for (const char* command : {"restore", "check", "plan", "stage", "serve", "copy", "discard"}) {
        const process::Finished help = Site::shared().run({"polygon-bootstrap", command, "--help"});
        CHECK(help.exit_status == 0);
        CHECK_THAT(help.out, ContainsText("Status 0"));
        CHECK_THAT(help.out, ContainsText(" 43  no-space"));
    }
    CHECK(Site::shared().run({"polygon-bootstrap", "restore", "/only-one"}).exit_status == exit_status(Errc::usage));
    CHECK(Site::shared().run({"polygon-bootstrap", "chekc", "/x"}).exit_status == exit_status(Errc::usage));
}

}  // namespace
}  // namespace polygon::test
