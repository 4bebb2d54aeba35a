// source.command: the user's own tool fills the directory.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/live_production.h"
#include "tests/support/processes.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// An empty node whose source is a script of the user's: no quoting in YAML gets in its way.
Site& node(const std::string& script, const std::string& more = "") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path file = site.path() / "fill.sh";
    std::ofstream(file) << "set -eu\n" << script << "\n";
    require(site.workspace().account().give(file));
    site.write_configuration(
        fmt::format("  source: {{command: 'sh {} {{datadir}}'}}\n{}"
                    "  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
                    file.string(), more));
    return site;
}

std::string copy_backup() {
    return "cp -a '" + Site::shared().plain_backup().string() + "/.' \"$1/\"";
}

void check_refusal(const process::Finished& done, Errc code, const std::string& message, const std::string& hint) {
    INFO(done.err);
    CHECK(done.exit_status == exit_status(code));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK_THAT(done.err, ContainsText("HINT: " + hint));
    CHECK(Site::shared().has_no_data());
}

TEST_CASE("a clone is made of what a command brings, and its words are in the log") {
    Site& site = node("echo copying; " + copy_backup());
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("source.command: copying"));
    CHECK_THAT(done.err, ContainsText("the files are what the backup's manifest says"));
    CHECK(done.err.find("there is no backup_manifest") == std::string::npos);
    CHECK_FALSE(stdfs::exists(site.data_directory() / "incoming"));
    CHECK_FALSE(stdfs::exists(site.data_directory() / "command.log"));
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK(marker->backup_label == "pg_basebackup base backup");
    CHECK_FALSE(marker->backup_time.empty());
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM trips") == "20000");
        CHECK(site.query(socket, "postgres", "postgres", "SHOW archive_timeout") == "0");
    });
}

TEST_CASE("without a manifest the clone is made, with a warning; a tool's own recovery settings do not count") {
    Site& site = node(copy_backup() +
                      "; rm \"$1/backup_manifest\"; touch \"$1/standby.signal\"; "
                      "echo \"restore_command = 'exit 1'\" >> \"$1/postgresql.auto.conf\"");
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("there is no backup_manifest"));
    CHECK_FALSE(stdfs::exists(site.data_directory() / "standby.signal"));
    CHECK(require(fs::read_file(site.data_directory() / "postgresql.auto.conf")).empty());
}

TEST_CASE("a command that fails is told with its status and its last words") {
    Site& site = node(copy_backup() + "; echo 'unable to find stanza' >&2; exit 7");
    check_refusal(site.bootstrap(), Errc::process_failed, "ended with status 7: unable to find stanza",
                  "Its own messages say why.");
}

TEST_CASE("a command that brings nothing, or only a part") {
    check_refusal(node("true").bootstrap(), Errc::backup_incomplete,
                  "the command of polygon.source brought no PG_VERSION", "Look at what the command restores");
    check_refusal(node(copy_backup() + "; rm \"$1/global/pg_control\"").bootstrap(), Errc::data_directory_invalid,
                  "global/pg_control", "");
    check_refusal(node(copy_backup() + "; rm \"$1/backup_label\"").bootstrap(), Errc::backup_incomplete,
                  "the command of polygon.source brought no backup_label", "Look at what the command restores");
    check_refusal(node(copy_backup() + "; rm \"$1\"/pg_wal/0*").bootstrap(), Errc::backup_incomplete,
                  "no WAL to start from: segment 0000000100000000000000",
                  "Let it restore the WAL as well, or configure recovery.restore_command.");
}

TEST_CASE("files that differ from the manifest that came with them") {
    check_refusal(
        node(copy_backup() + "; echo x >> \"$1/base/1/PG_VERSION\"; rm \"$1/base/1/pg_filenode.map\"").bootstrap(),
        Errc::backup_corrupt, "base/1/PG_VERSION", "Copy the backup again");
}

TEST_CASE("a control file that does not match its CRC") {
    const std::string damage =
        "; printf x | dd of=\"$1/global/pg_control\" bs=1 seek=40 conv=notrunc status=none; rm \"$1/backup_manifest\"";
    check_refusal(node(copy_backup() + damage).bootstrap(), Errc::data_directory_invalid, "does not match its CRC", "");
}

TEST_CASE("another version of PostgreSQL is refused before its files are compared") {
    check_refusal(node(copy_backup() + "; echo 14 > \"$1/PG_VERSION\"").bootstrap(), Errc::version_mismatch,
                  "what polygon.source.command brought is of PostgreSQL 14, the programs in ",
                  "Install PostgreSQL 14 here");
}

TEST_CASE("a tablespace that is production's own is refused and not touched") {
    LiveProduction& production = LiveProduction::shared();
    const stdfs::path backup = Site::shared().path() / "live-backup";
    const stdfs::path copied = Site::shared().path() / "live-backup-fast";
    if (!stdfs::exists(backup)) production.back_up(backup, copied, {"-Xs"});
    const std::string copy = "cp -a '" + backup.string() + "/.' \"$1/\"; ";
    const std::string map = fmt::format("  tablespaces: {{{}: {}}}\n", production.tablespace().string(),
                                        (Site::shared().path() / "node/fast").string());
    check_refusal(node(copy, map).bootstrap(), Errc::backup_corrupt, "is a link to '" + copied.string() + "'",
                  "By polygon.tablespaces it has to be in '");
    CHECK_FALSE(stdfs::is_empty(copied));

    const std::string place = (Site::shared().path() / "node/fast.staged").string();
    Site& site = node(copy + fmt::format("cp -a '{}' '{}'; for l in \"$1\"/pg_tblspc/*; do ln -sfn '{}' \"$l\"; done",
                                         copied.string(), place, place),
                      map);
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres", "SELECT count(*) FROM far") == "1000");
    });
    CHECK(stdfs::read_symlink(stdfs::directory_iterator(site.data_directory() / "pg_tblspc")->path()) ==
          site.path() / "node/fast");
}

// Its repository, configuration and logs in the workspace; a full backup of the running production.
stdfs::path back_up_with_pgbackrest(Site& site) {
    LiveProduction& production = LiveProduction::shared();
    for (const char* directory : {"pgbackrest", "pgbackrest/repo", "pgbackrest/log", "pgbackrest/lock"})
        require(site.workspace().make_directory(directory));
    const stdfs::path root = site.path() / "pgbackrest";
    std::ofstream(root / "pgbackrest.conf") << fmt::format(
        "[global]\nrepo1-path={0}/repo\nlog-path={0}/log\nlock-path={0}/lock\nstart-fast=y\nlog-level-console=warn\n"
        "[live]\npg1-path={1}\npg1-socket-path={2}\npg1-user=boss\n",
        root.string(), (site.path() / "live").string(), production.server().socket_directory().string());
    require(site.workspace().account().give(root));
    const std::string tool = "pgbackrest --config=" + (root / "pgbackrest.conf").string() + " --stanza=live";
    const process::Finished created = site.run({"sh", "-c", tool + " stanza-create"});
    INFO(created.out << created.err);
    REQUIRE(created.exit_status == 0);
    production.server().query("ALTER SYSTEM SET archive_command = '" + tool + " archive-push %p'");
    production.server().query("SELECT pg_reload_conf()");
    const process::Finished backed_up = site.run({"sh", "-c", tool + " --type=full backup"});
    INFO(backed_up.out << backed_up.err);
    CHECK(backed_up.exit_status == 0);
    production.server().query("ALTER SYSTEM RESET archive_command");
    production.server().query("SELECT pg_reload_conf()");
    REQUIRE(backed_up.exit_status == 0);
    return root / "pgbackrest.conf";
}

TEST_CASE("without a manifest there is no clone where one is required") {
    Site& site = node(copy_backup() + "; rm \"$1/backup_manifest\"");
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_VERIFY", "manifest"}}), Errc::backup_incomplete,
                  "the command of polygon.source brought no backup_manifest",
                  "Let it restore one, or take 'verify: manifest' (POLYGON_SOURCE_VERIFY) out of polygon.source.");
}

TEST_CASE("pgBackRest restores a clone, its WAL from its archive") {
    Site& site = Site::shared();
    const std::string tool = "pgbackrest --config=" + back_up_with_pgbackrest(site).string() + " --stanza=live";
    const stdfs::path fast = site.path() / "node/fast";
    require(site.workspace().make_directory("node/fast.staged"));
    node(tool + " --pg1-path=\"$1\" --type=none --tablespace-map=fast=" + fast.string() + ".staged restore",
         fmt::format(
             "  tablespaces: {{{}: {}}}\n  recovery: {{restore_command: '{} --pg1-path=$PWD archive-get %f %p'}}\n",
             LiveProduction::shared().tablespace().string(), fast.string(), tool));
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("there is no backup_manifest"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres", "SELECT count(*) FROM far") == "1000");
        CHECK(site.query(socket, "postgres", "postgres", "SHOW restore_command").empty());
    });
}

TEST_CASE("the command and all that it has started end with polygon-bootstrap") {
    Site& site = node("cd \"$1\"; sleep 600 & sleep 600");
    auto child = require(process::Child::start(site.bootstrap_command("killed.log")));
    const stdfs::path incoming = site.data_directory().string() + ".staged/incoming";
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 5ms,
                       [&] { return child.poll() || support::processes_in(incoming).size() >= 2; }));
    REQUIRE_FALSE(child.poll().has_value());
    child.signal(SIGKILL);
    require(child.wait(system_clock(), Deadline(system_clock(), 30s)));
    CHECK(wait_until(system_clock(), Deadline(system_clock(), 60s), 5ms,
                     [&] { return support::processes_in(incoming).empty(); }));
    CHECK_FALSE(stdfs::exists(site.data_directory()));
}

TEST_CASE("a command that says nothing of the directory is refused before it is run") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration("  source: {command: 'touch " + (site.path() / "ran").string() + "'}\n");
    check_refusal(site.bootstrap(), Errc::configuration, "does not say where to restore to",
                  "Write {datadir} where the command takes the directory.");
    CHECK_FALSE(stdfs::exists(site.path() / "ran"));
}

}  // namespace
}  // namespace polygon::test
