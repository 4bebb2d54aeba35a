// kill -9 at any moment: never a startable half, and a repeat succeeds.
#include <algorithm>
#include <csignal>
#include <filesystem>
#include <random>

#include <fmt/format.h>

#include "common/base/error.h"
#include "tests/integration/backup/server.h"
#include "tests/integration/faults/faulty_run.h"
#include "tests/integration/faults/small_site.h"
#include "tests/support/catch.h"

namespace polygon::faults {
namespace {

namespace stdfs = std::filesystem;
using backup::test::Server;
using backup::test::Workspace;

constexpr const char* kMark = "polygon-restore.incomplete";

bool is_complete(const fs::Path& data) {
    return stdfs::exists(data / "global/pg_control");
}

// All but the marks, which are taken off after everything is there.
std::vector<std::string> without_marks(std::vector<std::string> lines) {
    std::erase_if(lines, [](const std::string& line) { return line.find(kMark) != std::string::npos; });
    return lines;
}

// What a repeat ends with on what is there: a restore that was killed when all was done and the mark was off has left a
// data directory like any other.
int status_of_repeat(const fs::Path& data) {
    const bool is_settled = is_complete(data) && !stdfs::exists(data / kMark);
    return is_settled ? exit_status(Errc::data_directory_occupied) : 0;
}

// Kills the restore before its n-th call. False if it makes fewer.
bool kill_small(const SmallSite& site, std::uint32_t at) {
    const FaultPage page(site.page_file());
    page->killed_at = at;
    const process::Finished killed = site.restore(page);
    wait_until_unlocked(site.data());
    if (page->all_calls >= at) CHECK(killed.exit_status == 128 + SIGKILL);
    return killed.exit_status != 0;
}

TEST_CASE("killed before any single call, nothing is left that starts, and a repeat succeeds on what is left") {
    if (!is_supported()) return;
    const std::string format = GENERATE("tar", "plain");
    const SmallSite site(format);
    std::uint32_t at = 1;
    for (; kill_small(site, at); ++at) {
        INFO("killed before call " << at);
        const bool is_marked = stdfs::exists(site.data() / kMark);
        const bool was_complete = is_complete(site.data());
        const int expected = status_of_repeat(site.data());
        const process::Finished repeated = site.restore(FaultPage(site.page_file()));
        INFO(repeated.err);
        CHECK(repeated.exit_status == expected);
        if (!was_complete) {
            const std::string notice =
                "removing what a restore left behind that did not come to its end directory=" + site.data().string();
            CHECK((repeated.err.find(notice) != std::string::npos) == is_marked);
        }
        site.check_restored();
        site.clear();
    }
    CHECK(at > 60);
}

TEST_CASE("killed while it removes a leftover, the rest of it is a leftover still") {
    if (!is_supported()) return;
    const SmallSite site("tar");
    REQUIRE(kill_small(site, 40));
    REQUIRE(stdfs::exists(site.data() / kMark));
    std::uint32_t at = 1;
    while (at < 200 && kill_small(site, at) && !is_complete(site.data())) {
        INFO("killed before call " << at);
        CHECK(stdfs::exists(site.data() / kMark));
        ++at;
    }
    CHECK(at > 20);
    const int expected = status_of_repeat(site.data());
    const process::Finished repeated = site.restore(FaultPage(site.page_file()));
    INFO(repeated.err);
    CHECK(repeated.exit_status == expected);
    site.check_restored();
}

TEST_CASE("what somebody has begun to use is not taken for a leftover, mark or not") {
    if (!is_supported()) return;
    const SmallSite site("tar");
    REQUIRE(site.restore(FaultPage(site.page_file())).exit_status == 0);
    backup::test::write(site.data() / kMark, "");
    SECTION("a server has recovered there") {
        stdfs::rename(site.data() / "backup_label", site.data() / "backup_label.old");
    }
    SECTION("a server is starting there") {
        backup::test::write(site.data() / "postmaster.pid", "1\n");
    }
    const std::vector<std::string> before = inventory(site.root());
    const process::Finished refused = site.restore(FaultPage(site.page_file()));
    CHECK(refused.exit_status == exit_status(Errc::data_directory_occupied));
    CHECK_THAT(refused.err, ContainsText("directory '" + site.data().string() + "' is not empty ("));
    CHECK(inventory(site.root()) == before);
}

// A production of some 40 MB, its backup, and where it is restored to.
class RealSite {
  public:
    RealSite() {
        backup::test::run_postgres("initdb", {"-D", workspace_ / "production", "-U", "postgres", "-A", "trust", "-N"});
        const fs::Path fast = workspace_.make_directory("production-fast");
        const Server server(workspace_, workspace_ / "production");
        server.query("create tablespace fast location '" + fast.string() + "'");
        server.query("create table near as select i, md5(i::text) t from generate_series(1, 150000) i");
        server.query("create table far tablespace fast as select i, md5(i::text) t from generate_series(1, 100000) i");
        server.base_backup(workspace_ / "backup", {"-Ft", "-z"});
        clear();
    }

    const Workspace& workspace() const { return workspace_; }
    fs::Path places() const { return workspace_ / "places"; }
    fs::Path data() const { return places() / "data"; }
    fs::Path backup() const { return workspace_ / "backup"; }

    process::Finished restore(const FaultPage& page) const {
        return restore_with(page, places(),
                            {backup(), data(), "--tablespace",
                             (workspace_ / "production-fast").string() + "=" + (places() / "fast").string()});
    }

    void clear() const {
        stdfs::remove_all(places());
        stdfs::create_directories(places());
    }

  private:
    Workspace workspace_;
};

// PostgreSQL itself, on what a killed restore left.
void check_refused_by_postgres(const RealSite& site) {
    site.workspace().hand_over();
    const process::Finished started = backup::test::try_postgres(
        "postgres", {"-D", site.data(), "-c", "config_file=" + (site.workspace() / "postgresql.conf").string(), "-c",
                     "unix_socket_directories=" + site.workspace().make_directory("socket").string()});
    INFO(started.err);
    CHECK(started.exit_status != 0);
    const bool is_known = started.err.find("could not find the database system") != std::string::npos ||
                          started.err.find("is not a valid data directory") != std::string::npos;
    CHECK(is_known);
}

TEST_CASE("killed at 50 moments of a real backup's restore, it never leaves a startable half, and a repeat succeeds") {
    if (!is_supported()) return;
    constexpr unsigned kSeed = 20261120;
    constexpr std::uint32_t kMoments = 50;
    const RealSite site;
    const fs::Path page_file = site.workspace() / "page";
    std::uint32_t calls = 0;
    {
        const FaultPage page(page_file);
        REQUIRE(site.restore(page).exit_status == 0);
        calls = page->all_calls;
    }
    REQUIRE(calls > 10 * kMoments);
    const std::vector<std::string> whole = inventory(site.places());
    stdfs::copy_file(site.backup() / "backup_manifest", site.data() / "backup_manifest");
    site.workspace().hand_over();
    backup::test::run_postgres("pg_verifybackup", {"--ignore=tablespace_map", site.data()});
    std::mt19937 random(kSeed);
    std::uint32_t halves = 0;
    for (std::uint32_t moment = 0; moment < kMoments; ++moment) {
        site.clear();
        const FaultPage page(page_file);
        const auto offset = static_cast<std::uint32_t>(random() % (calls / kMoments));
        page->killed_at = calls * moment / kMoments + 1 + offset;
        INFO(fmt::format("seed {}, moment {}, killed before call {} of {}", kSeed, moment, page->killed_at, calls));
        const process::Finished killed = site.restore(page);
        CHECK(killed.exit_status == 128 + SIGKILL);
        wait_until_unlocked(site.data());
        if (is_complete(site.data())) {
            CHECK(without_marks(inventory(site.places())) == whole);
        } else {
            ++halves;
            if (moment % 8 == 3) check_refused_by_postgres(site);
        }
        const int expected = status_of_repeat(site.data());
        const process::Finished repeated = site.restore(FaultPage(page_file));
        INFO(repeated.err);
        CHECK(repeated.exit_status == expected);
        CHECK(inventory(site.places()) == whole);
    }
    CHECK(halves >= kMoments - 2);
    site.workspace().hand_over();
    const Server server(site.workspace(), site.data());
    CHECK(server.query("select (select count(*) from near) + (select count(*) from far)") == "250000\n");
}

}  // namespace
}  // namespace polygon::faults
