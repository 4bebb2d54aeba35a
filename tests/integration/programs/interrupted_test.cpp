#include <csignal>
#include <fstream>

#include "common/fs/file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/site.h"
#include "tests/support/processes.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

// polygon-bootstrap, killed as soon as `is_time` holds.
void kill_bootstrap_when(Site& site, const std::function<bool()>& is_time) {
    auto child = require(process::Child::start(site.bootstrap_command("killed.log")));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 1ms, [&] { return is_time() || child.poll(); }));
    CHECK_FALSE(child.poll().has_value());
    child.signal(SIGKILL);
    require(child.wait(system_clock(), Deadline(system_clock(), 30s)));
}

void check_nothing_starts(Site& site) {
    const stdfs::path staged = site.data_directory().string() + ".staged";
    CHECK_FALSE(stdfs::exists(site.data_directory()));
    REQUIRE(stdfs::exists(staged / "postgresql.conf"));
    // The quarantine's server, if it ran, goes with its parent.
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 20ms,
                       [&] { return support::processes_in(staged).empty(); }));
    const process::Finished started = site.run_postgres({"postgres", "-D", staged.string(), "-c", "listen_addresses="});
    INFO(started.err);
    CHECK(started.exit_status != 0);
}

TEST_CASE("killed while files are restored, nothing is left that starts, and a repeat succeeds") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path staged = site.data_directory().string() + ".staged";
    kill_bootstrap_when(site, [&] { return stdfs::exists(staged / "base"); });
    CHECK_FALSE(stdfs::exists(staged / "global/pg_control"));
    check_nothing_starts(site);
    REQUIRE(site.bootstrap().exit_status == 0);
    CHECK_FALSE(stdfs::exists(staged));
}

TEST_CASE("killed in the quarantine, with production's roles still in it, the clone does not start either") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path staged = site.data_directory().string() + ".staged";
    kill_bootstrap_when(site, [&] { return stdfs::exists(staged / "postmaster.pid"); });
    CHECK(stdfs::exists(staged / "global/pg_control"));
    check_nothing_starts(site);
    CHECK(require(postgres::read_marker(staged))->stage == postgres::Stage::restoring);
    REQUIRE(site.bootstrap().exit_status == 0);
}

TEST_CASE("a backup damaged in its WAL is refused after the fact, and nothing stays") {
    Site& site = Site::shared();
    site.clear();
    const stdfs::path damaged = site.path() / "damaged";
    stdfs::copy(site.tar_backups() / "20261120", damaged, stdfs::copy_options::recursive);
    std::string bytes = require(fs::read_file(damaged / "pg_wal.tar.gz"));
    // Where the first records of the segment are: in what compresses its zeros a change may mean the same.
    for (std::size_t i = 600; i < 664; ++i)
        bytes.at(i) ^= 0x55;
    std::ofstream(damaged / "pg_wal.tar.gz", std::ios::binary) << bytes;
    require(site.workspace().account().give(damaged));
    const process::Finished done = site.bootstrap({{"POLYGON_SOURCE_DIRECTORY", damaged.string()}});
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::backup_corrupt));
    CHECK_THAT(done.err, ContainsText("pg_wal.tar.gz"));
    CHECK(site.has_no_data());
    stdfs::remove_all(damaged);
}

}  // namespace
}  // namespace polygon::test
