// polygon-bootstrap restore: the engine alone, without configuration.
#include <csignal>
#include <fstream>

#include <fcntl.h>
#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "tests/integration/programs/backup_copy.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// A directory of the servers' user with nothing in it.
stdfs::path fresh_directory(Site& site) {
    stdfs::remove_all(site.path() / "alone");
    return require(site.workspace().make_directory("alone"));
}

nlohmann::json read_status(const stdfs::path& path) {
    return nlohmann::json::parse(fs::read_file(path).value_or(""));
}

TEST_CASE("restore makes a data directory of all that the backup has, and it starts") {
    Site& site = Site::shared();
    const stdfs::path alone = fresh_directory(site);
    const stdfs::path data = alone / "with/parents/data";
    // A folder of backups, one of which is incomplete, and no configuration anywhere.
    const stdfs::path half = require(site.workspace().make_directory("backups/20261121"));
    stdfs::copy_file(site.tar_backups() / "20261120/base.tar.gz", half / "base.tar.gz");
    require(site.workspace().account().give(half));
    const process::Finished done = site.run({"polygon-bootstrap", "restore", site.tar_backups().string(), data.string(),
                                             "--status-file", (alone / "status.json").string()});
    stdfs::remove_all(half);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("found the backup backup=20261120 from="));
    CHECK_THAT(done.err, ContainsText("passed over an incomplete backup backup=20261121 reason="));
    CHECK_THAT(done.err, ContainsText("restored and verified data_directory=" + data.string()));
    for (const char* file : {"postgresql.conf", "pg_hba.conf", "backup_label", "global/pg_control"})
        CHECK(stdfs::exists(data / file));
    const nlohmann::json status = read_status(alone / "status.json");
    CHECK(status["phase"] == "restore");
    CHECK(status["state"] == "done");
    CHECK(status["bytes_done"] == status["bytes_total"]);
    CHECK(status["files_done"] == status["files_total"]);
    CHECK(status["bytes_total"] > 20'000'000);
    site.with_server(data, [&](const stdfs::path& socket_directory) {
        CHECK(site.query(socket_directory, "boss", "thai", "SELECT count(*) FROM trips") == "20000");
        CHECK(site.query(socket_directory, "boss", "thai", "SHOW archive_timeout") == "77s");
    });
}

TEST_CASE("restore refuses a directory that is not empty, and leaves it as it is") {
    Site& site = Site::shared();
    const stdfs::path alone = fresh_directory(site);
    std::ofstream(alone / "precious") << "x";
    const process::Finished done =
        site.run({"polygon-bootstrap", "restore", site.tar_backups().string(), alone.string()});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::data_directory_occupied));
    CHECK_THAT(done.err, ContainsText("directory '" + alone.string() + "' is not empty (1 entries)"));
    CHECK_THAT(done.err, ContainsText("HINT: Name a directory that is empty or does not exist."));
    CHECK(entries_of(alone) == std::vector<std::string>{"precious"});
}

TEST_CASE("restore of a damaged backup names every problem and leaves the directory as it was") {
    Site& site = Site::shared();
    const stdfs::path alone = fresh_directory(site);
    const BackupCopy backup(site, site.plain_backup());
    backup.damage();
    const stdfs::path empty = require(site.workspace().make_directory("alone/empty"));
    REQUIRE(::chmod(empty.c_str(), 0750) == 0);
    for (const stdfs::path& data : {alone / "absent/data", empty}) {
        const process::Finished done = site.run({"polygon-bootstrap", "restore", backup.path().string(), data.string(),
                                                 "--status-file", (site.path() / "status.json").string()});
        INFO(done.err);
        CHECK(done.exit_status == exit_status(Errc::backup_corrupt));
        for (const char* problem :
             {"WARNING polygon-bootstrap: base/1/1259: ", "WARNING polygon-bootstrap: base/1/1249: ",
              "WARNING polygon-bootstrap: base/1/extra: "}) {
            CHECK_THAT(done.err, ContainsText(problem));
        }
        CHECK(entries_of(alone) == std::vector<std::string>{"empty"});
        CHECK(stdfs::is_empty(empty));
        CHECK(read_status(site.path() / "status.json")["state"] == "failed");
    }
    struct stat found = {};
    REQUIRE(::stat(empty.c_str(), &found) == 0);
    CHECK((found.st_mode & 07777) == 0750);
}

TEST_CASE("restore ended by SIGTERM in the middle leaves nothing") {
    Site& site = Site::shared();
    const stdfs::path alone = fresh_directory(site);
    const stdfs::path data = alone / "parent/data";
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    // A base archive whose end never comes.
    const std::string bytes = require(fs::read_file(backup.path() / "base.tar.gz"));
    const stdfs::path archive = backup.path() / "base.tar.gz";
    stdfs::remove(archive);
    REQUIRE(::mkfifo(archive.c_str(), 0600) == 0);
    require(site.workspace().account().give(backup.path()));
    process::Command command =
        site.workspace().tool({"polygon-bootstrap", "restore", backup.path().string(), data.string(), "--status-file",
                               (site.path() / "status.json").string()},
                              site.workspace().environment(site.path()));
    command.output_file = site.path() / "terminated.log";
    auto child = require(process::Child::start(command));
    std::signal(SIGPIPE, SIG_IGN);
    fs::Fd feed;
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 5ms, [&] {
        if (!feed.is_open()) feed = fs::Fd(::open(archive.c_str(), O_WRONLY | O_NONBLOCK | O_CLOEXEC));
        return feed.is_open() || child.poll().has_value();
    }));
    REQUIRE(feed.is_open());
    REQUIRE(::fcntl(feed.get(), F_SETFL, 0) == 0);
    require(fs::write_all(feed, std::as_bytes(std::span(bytes).first(bytes.size() - 8)), "the archive"));
    REQUIRE(
        wait_until(system_clock(), Deadline(system_clock(), 60s), 5ms, [&] { return stdfs::exists(data / "base/1"); }));
    child.signal(SIGTERM);
    CHECK(require(child.wait(system_clock(), Deadline(system_clock(), 60s))) == 128 + SIGTERM);
    const std::string log = require(fs::read_file(command.output_file));
    INFO(log);
    CHECK_THAT(log, ContainsText("WARNING polygon-bootstrap: interrupted by signal 15"));
    CHECK(stdfs::is_empty(alone));
    const nlohmann::json status = read_status(site.path() / "status.json");
    CHECK(status["state"] == "failed");
    CHECK(status["error"] == "interrupted by signal 15");
}

TEST_CASE("restore refuses before it writes if there is too little room") {
    Site& site = Site::shared();
    const stdfs::path alone = fresh_directory(site);
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    backup.inflate_manifest();
    const process::Finished done =
        site.run({"polygon-bootstrap", "restore", backup.path().string(), (alone / "data").string()});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::no_space));
    CHECK_THAT(done.err, ContainsText("the file system of '" + (alone / "data").string() + "' (data directory) has "));
    CHECK_THAT(done.err, ContainsText(" free, and 7.1 PiB are needed"));
    CHECK_THAT(done.err, ContainsText("more room, or restore to another file system."));
    CHECK(stdfs::is_empty(alone));
}

}  // namespace
}  // namespace polygon::test
