// A backup without backup_manifest: each program says so, and none takes it for a verified one.
#include <nlohmann/json.hpp>

#include "common/base/error.h"
#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/backup_copy.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

constexpr const char* kWarning = "the backup has no backup_manifest: whether its files are whole cannot be verified";

TEST_CASE("check and restore take a backup without a manifest only if they are told to, and do not call it verified") {
    Site& site = Site::shared();
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    stdfs::remove(backup.path() / "backup_manifest");
    const process::Finished refused = site.run({"polygon-bootstrap", "check", backup.path().string()});
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::backup_incomplete));
    CHECK(refused.out.empty());
    const process::Finished checked =
        site.run({"polygon-bootstrap", "check", backup.path().string(), "--without-manifest"});
    INFO(checked.err);
    CHECK(checked.exit_status == 0);
    CHECK_THAT(checked.out, ContainsText(" bytes, read, but not verified (no backup_manifest), in "));
    CHECK_THAT(checked.err, ContainsText(kWarning));
    const stdfs::path data = site.path() / "without-manifest";
    const stdfs::path status = site.path() / "without-manifest.json";
    const process::Finished restored = site.run({"polygon-bootstrap", "restore", backup.path().string(), data.string(),
                                                 "--without-manifest", "--status-file", status.string()});
    INFO(restored.err);
    REQUIRE(restored.exit_status == 0);
    const auto written = nlohmann::json::parse(require(fs::read_file(status)));
    CHECK(written["bytes_total"] == 0);
    CHECK(written["bytes_done"] > 20'000'000);
    CHECK_THAT(restored.err, ContainsText("restored, not verified"));
    site.with_server(data, [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "boss", "thai", "SELECT count(*) FROM trips") == "20000");
    });
    stdfs::remove_all(data);
}

TEST_CASE("without a manifest a control file that does not check is still refused") {
    Site& site = Site::shared();
    const BackupCopy backup(site, site.plain_backup());
    stdfs::remove(backup.path() / "backup_manifest");
    std::string control = require(fs::read_file(backup.path() / "global/pg_control"));
    control[64] = static_cast<char>(control[64] ^ 1);
    REQUIRE(fs::write_file_durably(backup.path() / "global/pg_control", control));
    require(site.workspace().account().give(backup.path()));
    const stdfs::path data = site.path() / "without-manifest";
    const process::Finished done =
        site.run({"polygon-bootstrap", "restore", backup.path().string(), data.string(), "--without-manifest"});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::data_directory_invalid));
    CHECK_FALSE(stdfs::exists(data));
}

TEST_CASE("a clone of a backup without a manifest has that in its certificate; verify: manifest refuses it") {
    Site& site = Site::shared();
    site.clear();
    const BackupCopy backup(site, site.tar_backups() / "20261120");
    stdfs::remove(backup.path() / "backup_manifest");
    const process::Environment source = {{"POLYGON_SOURCE_DIRECTORY", backup.path().string()}};
    process::Environment strict = source;
    strict["POLYGON_SOURCE_VERIFY"] = "manifest";
    CHECK(site.bootstrap(strict).exit_status == exit_status(Errc::backup_incomplete));
    CHECK(site.has_no_data());

    const process::Finished planned =
        site.run({"polygon-bootstrap", "plan", "--config", site.configuration().string()}, source);
    INFO(planned.out << planned.err);
    CHECK(planned.exit_status == 0);
    CHECK_THAT(planned.out, ContainsText("no backup_manifest: its files cannot be verified; about "));
    CHECK_THAT(planned.out, ContainsText("space              at least "));

    const process::Finished done = site.bootstrap(source);
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText(kWarning));
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK_FALSE(marker->is_backup_verified);
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        const std::string conninfo = "host=" + socket.string() + " dbname=postgres user=postgres";
        const process::Finished proven =
            site.run({"polygon-post-bootstrap", "--config", site.configuration().string(), conninfo});
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
        CHECK_THAT(proven.err, ContainsText("check=\"backup verified\" detail=\"no: it had no backup_manifest\""));
    });
}

}  // namespace
}  // namespace polygon::test
