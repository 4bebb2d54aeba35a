#include <fstream>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

// The exit status, the line and the hint; and that nothing was touched.
void check_refusal(const process::Finished& done, Errc code, const std::string& message, const std::string& hint) {
    INFO(done.err);
    CHECK(done.exit_status == exit_status(code));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK_THAT(done.err, ContainsText("HINT: " + hint));
    CHECK(Site::shared().has_no_data());
}

TEST_CASE("a folder without a backup") {
    Site& site = Site::shared();
    site.clear();
    const auto empty = require(site.workspace().make_directory("empty")).string();
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", empty}}), Errc::backup_missing,
                  "no base backup in '" + empty + "'", "");
    // For the node's agent, which Patroni tells nothing but that it has ended.
    CHECK_THAT(fs::read_file(site.data_directory().string() + ".bootstrap-error").value_or(""),
               ContainsText("no base backup in '" + empty + "'"));
}

TEST_CASE("a half-copied backup") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path half = require(site.workspace().make_directory("half"));
    stdfs::copy_file(site.tar_backups() / "20261120/base.tar.gz", half / "base.tar.gz",
                     stdfs::copy_options::overwrite_existing);
    require(site.workspace().account().give(half));
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", half.string()}, {"POLYGON_SOURCE_VERIFY", "manifest"}}),
                  Errc::backup_incomplete, "backup 'half' is incomplete: no backup_manifest",
                  "pg_basebackup writes backup_manifest last");
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", half.string()}}), Errc::backup_incomplete,
                  "backup 'half' is incomplete: WAL segment ", "Take the backup with --wal-method=stream");
}

TEST_CASE("a backup of another PostgreSQL major version") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path other = site.path() / "other-major";
    stdfs::copy(site.plain_backup(), other, stdfs::copy_options::recursive);
    std::ofstream(other / "PG_VERSION") << "14\n";
    require(site.workspace().account().give(other));
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", other.string()}}), Errc::version_mismatch,
                  "backup 'other-major' is of PostgreSQL 14, the programs in ", "Install PostgreSQL 14 here");
    stdfs::remove_all(other);
}

TEST_CASE("a backup whose WAL has a damaged record, which no checksum of its manifest covers") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path damaged = site.path() / "damaged-wal";
    stdfs::copy(site.plain_backup(), damaged, stdfs::copy_options::recursive);
    for (const auto& entry : stdfs::directory_iterator(damaged / "pg_wal")) {
        if (entry.path().filename().string().size() != 24) continue;
        std::fstream segment(entry.path(), std::ios::in | std::ios::out | std::ios::binary);
        segment.seekp(0x28 + 26);  // in the body of the first record after the page's header of 0x28 bytes
        segment.write("\xff\xff", 2);
    }
    require(site.workspace().account().give(damaged));
    check_refusal(site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", damaged.string()}}), Errc::backup_corrupt,
                  "WAL of timeline 1 from ", "Copy the backup again, or restore another one; pg_verifybackup");
    const process::Finished checked = site.run({"polygon-bootstrap", "check", damaged.string()});
    INFO(checked.err);
    CHECK(checked.exit_status == exit_status(Errc::backup_corrupt));
    CHECK(checked.out.empty());
    CHECK_THAT(checked.err, ContainsText("WAL of timeline 1 from "));
    stdfs::remove_all(damaged);
}

TEST_CASE("a data directory that is not empty") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path data = require(site.workspace().make_directory("node/data"));
    std::ofstream(data / "precious") << "x";
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::data_directory_occupied));
    CHECK_THAT(done.err, ContainsText("data directory '" + data.string() + "' is not empty (1 entries)"));
    CHECK_THAT(done.err, ContainsText("HINT: Move it away, or start the node under polygon-entrypoint"));
    CHECK(stdfs::exists(data / "precious"));
    CHECK_FALSE(stdfs::exists(data.string() + ".staged"));
}

TEST_CASE("a password file that cannot be read, and a variable that is not set") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration("  source: {directory: " + site.tar_backups().string() +
                             "}\n  roles: {passwords: {app: {file: /nowhere/app}}}\n");
    check_refusal(site.bootstrap(), Errc::secret_unreadable, "'/nowhere/app'", "");
    site.write_configuration("  source: {directory: " + site.tar_backups().string() +
                             "}\n  roles: {passwords: {app: {env: NOT_SET}}}\n");
    check_refusal(site.bootstrap(), Errc::secret_unreadable, "NOT_SET", "");
}

TEST_CASE("a role that production does not have") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration("  source: {directory: " + site.tar_backups().string() +
                             "}\n  roles: {passwords: {aap: {env: APP_PASSWORD}}}\n");
    check_refusal(site.bootstrap(), Errc::role_missing, "role 'aap' (roles.passwords, ", "Correct the name");
    site.write_configuration("  source: {directory: " + site.tar_backups().string() + "}\n  roles: {keep: [nobody]}\n");
    check_refusal(site.bootstrap(), Errc::role_missing, "role 'nobody' (roles.keep) does not exist in the backup",
                  "Correct the name");
}

TEST_CASE("one of Patroni's own roles among roles.passwords") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration("  source: {directory: " + site.tar_backups().string() +
                             "}\n  roles: {passwords: {postgres: {env: APP_PASSWORD}}}\n");
    check_refusal(site.bootstrap(), Errc::configuration, "role 'postgres' of roles.passwords",
                  "Its password comes from postgresql.authentication");
}

TEST_CASE("a password that is production's own") {
    Site& site = Site::shared();
    site.clear();
    check_refusal(site.bootstrap({{"APP_PASSWORD", "production-app"}}), Errc::not_proven,
                  "the password of role 'app' (roles.passwords, ", "Give the polygon a password of its own.");
}

TEST_CASE("parameters that would open the quarantine") {
    Site& site = Site::shared();
    for (const std::string name :
         {"archive_command", "listen_addresses", "port", "restore_command", "primary_conninfo", "Listen_Addresses",
          "data_sync_retry", "zero_damaged_pages", "vacuum_defer_cleanup_age", "work_mem = '1MB' #"}) {
        site.clear();
        site.write_configuration(site.good_section() + "  quarantine: {parameters: {\"" + name + "\": x}}\n");
        check_refusal(site.bootstrap(), Errc::configuration, "may not set '" + name + "'",
                      "It keeps the quarantine closed");
    }
}

TEST_CASE("a data directory that cannot be renamed") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished done =
        site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--datadir=/proc/sys/fs/data"});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::data_directory_invalid));
    CHECK_THAT(done.err, ContainsText("'/proc/sys/fs', the parent of the data directory, cannot be written"));
}

TEST_CASE("an etcd that does not answer") {
    Site& site = Site::shared();
    site.clear();
    check_refusal(site.bootstrap({{"PATRONI_ETCD3_HOSTS", "127.0.0.1:1"}}), Errc::etcd_unavailable, "127.0.0.1:1",
                  "Check that etcd runs");
}

TEST_CASE("another scope than the configuration's") {
    Site& site = Site::shared();
    site.clear();
    check_refusal(site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--scope=production",
                            "--datadir=" + site.data_directory().string()}),
                  Errc::configuration, "called for scope 'production'", "Point --config or POLYGON_CONFIG");
}

TEST_CASE("a misspelt key of the polygon section, with file, line and the nearest one") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration("  source: {directory: " + site.tar_backups().string() + "}\n  roles: {unlistd: lock}\n");
    check_refusal(site.bootstrap(), Errc::configuration, "'polygon.roles.unlistd'", "Did you mean 'unlisted'?");
}

TEST_CASE("a key that this version understands but does not obey yet, and a folder of SQL that is not there") {
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(site.good_section() + "  staging: {directory: /elsewhere}\n");
    check_refusal(site.bootstrap(), Errc::unsupported, "polygon.staging.directory (", "Take it out");
    site.write_configuration(site.good_section() + "  sql: /nonexistent/sql.d\n");
    check_refusal(site.bootstrap(), Errc::configuration, "cannot read the folder '/nonexistent/sql.d' of polygon.sql",
                  "Let polygon.sql name a folder");
}

TEST_CASE("a plan that names another leader") {
    Site& site = Site::shared();
    site.clear();
    site.etcd_put("/service/polygon.polygon/plan",
                  R"({"generation":"g7","leader":"polygon2","requested_at":"","system_identifier":""})");
    check_refusal(site.bootstrap(), Errc::conflict, "generation g7 is to be led by 'polygon2', this is 'polygon1'",
                  "Start the nodes under polygon-entrypoint");
}

TEST_CASE("called as a replica method it declines and leaves the work to the next one") {
    Site& site = Site::shared();
    site.clear();
    check_refusal(
        site.run({"polygon-bootstrap", "--config", site.configuration().string(), "--scope=polygon", "--role=replica",
                  "--datadir=" + site.data_directory().string(), "--connstring=postgres://x"}),
        Errc::unsupported, "replicas are cloned by Patroni's basebackup", "Keep 'basebackup'");
}

}  // namespace
}  // namespace polygon::test
