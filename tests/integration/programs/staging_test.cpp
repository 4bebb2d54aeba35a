#include <fstream>

#include <nlohmann/json.hpp>
#include <sys/stat.h>

#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/seal.h"
#include "tests/integration/programs/backup_copy.h"
#include "tests/integration/programs/staging_site.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;
using etcd::Phase;

ino_t inode(const stdfs::path& path) {
    struct stat seen = {};
    REQUIRE(::stat(path.c_str(), &seen) == 0);
    return seen.st_ino;
}

TEST_CASE("a clone is staged beside a polygon that runs, sealed, and kept by a repeat") {
    Site& site = Site::shared();
    site.clear();
    REQUIRE(site.bootstrap().exit_status == 0);
    const std::string before = require(fs::read_file(kLeader.data() / "polygon.json"));
    const etcd::Plan plan = make_staged_plan();
    CHECK(plan.backup.identity.size() == 64);
    site.with_server(kLeader.data(), [&](const stdfs::path& socket) {
        stage_clone(plan);
        CHECK(ask(socket, "SELECT 1") == "1");
    });
    CHECK(require(fs::read_file(kLeader.data() / "polygon.json")) == before);
    const auto marker = require(postgres::read_marker(kLeader.staged()));
    REQUIRE(marker.has_value());
    CHECK(marker->generation == kStagedGeneration);
    CHECK(marker->stage == postgres::Stage::restored);
    CHECK(marker->is_quarantined);
    require(postgres::require_sealed(kLeader.staged()));
    CHECK(kLeader.status("state") == "done");

    const ino_t first = inode(kLeader.staged());
    const process::Finished again = kLeader.run("stage");
    INFO(again.err);
    CHECK(again.exit_status == 0);
    CHECK_THAT(again.err, ContainsText("the clone is staged already"));
    CHECK(inode(kLeader.staged()) == first);
    require(postgres::require_sealed(kLeader.staged()));
}

TEST_CASE("a backup that was replaced since it was planned is not restored") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    plan.backup.identity = std::string(64, '0');
    put_orders(plan, Phase::stage);
    make_some_directory(kLeader.previous());
    const process::Finished refused = kLeader.run("stage");
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::conflict));
    CHECK_THAT(refused.err, ContainsText("was replaced since; '20261120 of "));
    CHECK_FALSE(stdfs::exists(kLeader.staged()));
    CHECK(stdfs::exists(kLeader.previous()));  // nothing was removed for it
    CHECK(kLeader.status("state") == "failed");
}

TEST_CASE("the planned backup is restored, whichever is the newest by now") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stage);
    const process::Finished staged =
        kLeader.run("stage", {}, {{"POLYGON_SOURCE_DIRECTORY", site.plain_backup().string()}});
    INFO(staged.err);
    REQUIRE(staged.exit_status == 0);
    CHECK(require(postgres::read_marker(kLeader.staged()))->backup_label == "20261120");
}

TEST_CASE("stage, serve and copy refuse without a rebuild, in another phase, and for who is not named") {
    Site& site = Site::shared();
    site.clear();
    const auto check_refused = [](const process::Finished& done, const std::string& reason) {
        INFO(done.err);
        CHECK(done.exit_status == exit_status(Errc::conflict));
        CHECK_THAT(done.err, ContainsText(reason));
    };
    check_refused(kLeader.run("stage"), "no rebuild is under way");
    const etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stop);
    check_refused(kLeader.run("stage"), "is in phase 'stop', not in 'stage'");
    check_refused(kLeader.run("serve"), "is in phase 'stop', not in 'copy'");
    check_refused(kReplica.run("copy", {"--from", "127.0.0.1:1"}), "is in phase 'stop', not in 'copy'");
    put_orders(plan, Phase::stage);
    check_refused(StagingMember("polygon3").run("stage"), "does not name 'polygon3'");
    put_orders(plan, Phase::done);
    check_refused(kLeader.run("stage"), "no rebuild is under way");
    put_orders(plan, Phase::copy);
    check_refused(kReplica.run("serve"), "is led by 'polygon1', this is 'polygon2'");
    check_refused(kLeader.run("copy", {"--from", "127.0.0.1:1"}), "'polygon1' leads rebuild");
    CHECK(site.has_no_data());
}

TEST_CASE("on a replica stage removes what earlier rebuilds left, and not the way back") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stage);
    make_some_directory(kReplica.data());
    make_some_directory(kReplica.previous());
    make_some_directory(kReplica.staged());
    CHECK(kReplica.run("stage").exit_status == 0);
    CHECK(stdfs::exists(kReplica.data() / "PG_VERSION"));
    CHECK_FALSE(stdfs::exists(kReplica.previous()));
    CHECK_FALSE(stdfs::exists(kReplica.staged()));
    make_some_directory(kReplica.previous());
    stdfs::create_directories(kReplica.previous() / "global");
    std::ofstream(kReplica.previous() / "global/pg_control") << "x";
    std::ofstream(kReplica.previous() / "polygon-replaced-by") << kStagedGeneration;
    CHECK(kReplica.run("stage").exit_status == 0);
    CHECK(stdfs::exists(kReplica.previous() / "PG_VERSION"));
    plan.backup.bytes = std::uint64_t{1} << 60;
    put_orders(plan, Phase::stage);
    const process::Finished full = kReplica.run("stage");
    CHECK(full.exit_status == exit_status(Errc::no_space));
    CHECK_THAT(full.err, ContainsText("the clone takes "));
}

TEST_CASE("a clone whose bootstrap failed makes room for the next, on leader and replica, unless it is not ours") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stage);
    for (const StagingMember* member : {&kLeader, &kReplica}) {
        const stdfs::path failed = member->data().string() + ".failed";
        const stdfs::path tablespace = site.path() / "fast.failed";
        make_some_directory(failed);
        CHECK(member->run("stage").exit_status == 0);
        CHECK(stdfs::exists(failed));
        stdfs::remove_all(member->staged());
        make_some_directory(tablespace);
        stdfs::create_directories(failed / "pg_tblspc");
        stdfs::create_directory_symlink(tablespace, failed / "pg_tblspc/16384");
        require(postgres::write_marker(failed, {.generation = "20261101T030000Z-0007"}));
        require(site.workspace().account().give(failed));
        require(site.workspace().account().give(tablespace.parent_path()));
        const process::Finished staged = member->run("stage");
        INFO(staged.err);
        CHECK(staged.exit_status == 0);
        CHECK_THAT(staged.err, ContainsText("removing a clone whose bootstrap failed"));
        CHECK_FALSE(stdfs::exists(failed));
        CHECK_FALSE(stdfs::exists(tablespace));
    }
}

TEST_CASE("a place that could not be renamed after the polygon has stopped is refused by plan and stage") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stage);
    const auto check_refused = [](const std::string& reason) {
        for (const process::Finished& done :
             {kLeader.run("plan", {"--json"}), kLeader.run("stage"), kReplica.run("stage")}) {
            INFO(done.err);
            CHECK(done.exit_status == exit_status(Errc::data_directory_invalid));
            CHECK_THAT(done.err, ContainsText(reason));
        }
        CHECK_FALSE(stdfs::exists(kLeader.staged()));
    };
    site.write_configuration(site.good_section() + "  tablespaces: {/prod/fast: /usr/fast}\n");
    check_refused("the place of tablespace '/prod/fast', '/usr/fast' cannot be renamed: '/usr' cannot be written");
    site.write_configuration(site.good_section() + "  tablespaces: {/prod/fast: /proc}\n");
    check_refused("the place of tablespace '/prod/fast', '/proc' is a mount point and cannot be renamed");
}

TEST_CASE("a rebuild in place verifies the backup, stages nothing, and restores the planned one at the bootstrap") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    plan.mode = etcd::Mode::in_place;
    plan.replicas = etcd::ReplicaSource::leader;
    put_orders(plan, Phase::stage);
    const process::Finished checked = kLeader.run("stage");
    INFO(checked.err);
    CHECK(checked.exit_status == 0);
    CHECK_THAT(checked.out, ContainsText(" bytes, verified in "));
    CHECK(kLeader.status("state") == "done");
    CHECK(site.has_no_data());
    CHECK(kLeader.bootstrap().exit_status == exit_status(Errc::conflict));
    put_orders(plan, Phase::bootstrap);
    CHECK(kReplica.bootstrap().exit_status == exit_status(Errc::conflict));
    CHECK(kLeader.bootstrap().exit_status == 0);
    CHECK(require(postgres::read_marker(kLeader.data()))->generation == kStagedGeneration);
}

TEST_CASE("a rebuild in place does not begin with a damaged backup") {
    Site& site = Site::shared();
    site.clear();
    const BackupCopy backup(site, site.plain_backup());
    backup.damage();
    etcd::Plan plan = make_staged_plan();
    plan.mode = etcd::Mode::in_place;
    plan.backup = {.directory = backup.path().string(), .label = "copy"};
    put_orders(plan, Phase::stage);
    const process::Finished checked = kLeader.run("stage");
    CHECK(checked.exit_status == exit_status(Errc::backup_corrupt));
    CHECK(kLeader.status("state") == "failed");
}

TEST_CASE("the bootstrap puts the staged clone in place without a restore, and PostgreSQL starts it") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    const auto staged = require(postgres::read_control_file(kLeader.staged()));
    for (const Phase phase : {Phase::stage, Phase::copy, Phase::stop, Phase::clear, Phase::replicas, Phase::undo}) {
        put_orders(plan, phase);
        const process::Finished refused = kLeader.bootstrap();
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::conflict));
        CHECK_FALSE(stdfs::exists(kLeader.data()));
    }
    put_orders(plan, Phase::bootstrap);
    CHECK(kReplica.bootstrap().exit_status == exit_status(Errc::conflict));
    const auto start = std::chrono::steady_clock::now();
    const process::Finished adopted = kLeader.bootstrap();
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    INFO(adopted.err);
    REQUIRE(adopted.exit_status == 0);
    WARN("the staged clone was put in place in " << seconds << " s");
    CHECK(adopted.err.find("restoring") == std::string::npos);
    CHECK(adopted.err.find("quarantine") == std::string::npos);
    CHECK_FALSE(stdfs::exists(kLeader.staged()));
    CHECK(require(postgres::read_control_file(kLeader.data())).system_identifier == staged.system_identifier);
    site.with_server(kLeader.data(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "thai", "SELECT count(*) FROM trips") == "20000");
        const std::vector<std::string> prove = {"polygon-post-bootstrap", "--config", site.configuration().string(),
                                                "host=" + socket.string() + " dbname=postgres user=postgres"};
        put_orders(plan, Phase::undo);
        const process::Finished late = site.run(prove);
        CHECK(late.exit_status == exit_status(Errc::conflict));
        CHECK_THAT(late.err, ContainsText("was overtaken by its rebuild's phase 'undo'"));
        CHECK_FALSE(site.etcd_keys().contains("/service/polygon.polygon/generation"));
        put_orders(plan, Phase::bootstrap);
        const process::Finished proven = site.run(prove);
        INFO(proven.err);
        CHECK(proven.exit_status == 0);
    });
    CHECK(require(postgres::read_marker(kLeader.data()))->stage == postgres::Stage::proven);
    CHECK(require(etcd::parse_generation(site.etcd_keys().at("/service/polygon.polygon/generation"))).generation ==
          kStagedGeneration);
}

TEST_CASE("a staged clone that is not as it was sealed is refused, and made anew by stage") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    const auto change_byte = [](const stdfs::path& file) {
        std::fstream stream(file, std::ios::in | std::ios::out | std::ios::binary);
        stream.seekp(100);
        stream.put('x');
    };
    const std::vector<std::function<void()>> damages = {
        [&] { change_byte(kLeader.staged() / "base/1/1259"); },
        [&] { stdfs::remove(kLeader.staged() / "base/1/1259"); },
        [&] { stdfs::resize_file(kLeader.staged() / "global/pg_control", 100); }};
    for (const auto& damage : damages) {
        stage_clone(plan);
        damage();
        put_orders(plan, Phase::bootstrap);
        const process::Finished refused = kLeader.bootstrap();
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::conflict));
        CHECK_THAT(refused.err, ContainsText("was changed after it was made"));
        CHECK_FALSE(stdfs::exists(kLeader.data()));
        CHECK(stdfs::exists(kLeader.staged()));
    }
    stage_clone(plan);
    put_orders(plan, Phase::bootstrap);
    CHECK(kLeader.bootstrap().exit_status == 0);
}

TEST_CASE("a clone of another generation, or none, is not put in place, and nothing is restored instead") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::bootstrap);
    const process::Finished missing = kLeader.bootstrap();
    INFO(missing.err);
    CHECK(missing.exit_status == exit_status(Errc::conflict));
    CHECK_THAT(missing.err, ContainsText(".staged' is not there"));
    stage_clone(plan);
    plan.generation = "20261122T030000Z-0002";
    put_orders(plan, Phase::bootstrap);
    const process::Finished other = kLeader.bootstrap();
    CHECK(other.exit_status == exit_status(Errc::conflict));
    CHECK_THAT(other.err, ContainsText("is of generation 20261121T030000Z-0001, not 20261122T030000Z-0002"));
    CHECK_FALSE(stdfs::exists(kLeader.data()));
}

TEST_CASE("a plan of a staged rebuild that has ended does not bind a bootstrap, nor whoever asks for a plan") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    plan.leader = "polygon2";
    put_orders(plan, Phase::stage);
    const process::Finished planned = kLeader.run("plan", {"--json"});
    INFO(planned.err);
    REQUIRE(planned.exit_status == 0);
    CHECK(nlohmann::json::parse(planned.out).at("generation") != kStagedGeneration);
    CHECK(nlohmann::json::parse(kReplica.run("plan", {"--json"}).out).at("generation") == kStagedGeneration);
    put_orders(plan, Phase::rolled_back);
    CHECK(kLeader.bootstrap().exit_status == 0);
    CHECK(require(postgres::read_marker(kLeader.data()))->generation != kStagedGeneration);
}

TEST_CASE("stage ended by SIGTERM leaves the data directory alone and nothing that is taken for a clone") {
    Site& site = Site::shared();
    site.clear();
    make_some_directory(kLeader.data());
    const etcd::Plan plan = make_staged_plan();
    put_orders(plan, Phase::stage);
    for (const char* moment : {"base", "postmaster.pid"}) {
        process::Child child = kLeader.start("stage");
        REQUIRE(wait_until(system_clock(), Deadline(system_clock(), std::chrono::seconds(60)),
                           std::chrono::milliseconds(1),
                           [&] { return stdfs::exists(kLeader.staged() / moment) || child.poll(); }));
        child.signal(SIGTERM);
        CHECK(require(child.wait(system_clock(), Deadline(system_clock(), std::chrono::seconds(30)))) != 0);
        const auto marker = postgres::read_marker(kLeader.staged());
        CHECK((!marker || !*marker || (*marker)->stage == postgres::Stage::restoring));
    }
    CHECK(stdfs::exists(kLeader.data() / "PG_VERSION"));
    CHECK(kLeader.run("stage").exit_status == 0);
}

TEST_CASE("discard removes nothing that a rebuild may need, nor the only data directory") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    const auto discard = [](const std::vector<std::string>& more = {}) {
        return kLeader.run("discard", more).exit_status;
    };
    make_some_directory(kLeader.staged());
    make_some_directory(kLeader.previous());
    for (const Phase phase : {Phase::stage, Phase::copy, Phase::stop, Phase::clear, Phase::bootstrap, Phase::replicas,
                              Phase::verify, Phase::undo, Phase::restore}) {
        put_orders(plan, phase);
        CHECK(discard() == exit_status(Errc::conflict));
        CHECK(discard({"--previous"}) == exit_status(Errc::conflict));
    }
    CHECK(stdfs::exists(kLeader.staged()));
    put_orders(plan, Phase::rolled_back);
    CHECK(discard() == 0);
    CHECK_FALSE(stdfs::exists(kLeader.staged()));
    put_orders(plan, Phase::done);
    const process::Finished only = kLeader.run("discard", {"--previous"});
    CHECK(only.exit_status == exit_status(Errc::data_directory_invalid));
    CHECK_THAT(only.err, ContainsText("is kept: there is no other data directory here"));
    CHECK(stdfs::exists(kLeader.previous()));
    make_some_directory(kLeader.data());
    CHECK(discard({"--previous"}) == 0);
    CHECK_FALSE(stdfs::exists(kLeader.previous()));
    CHECK(discard({"--previous"}) == 0);
}

TEST_CASE("staged replicas need the quarantine, and a clone without it is staged for Patroni to recover") {
    Site& site = Site::shared();
    site.clear();
    etcd::Plan plan = make_staged_plan();
    plan.replicas = etcd::ReplicaSource::leader;
    put_orders(plan, Phase::stage);
    const std::string off = site.good_section() + "  quarantine: off\n  system_identifier: keep\n";
    site.write_configuration(off + "  replicas: staged\n");
    const process::Finished refused = kLeader.run("stage");
    CHECK(refused.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(refused.err, ContainsText("polygon.replicas: staged (patroni.yml:"));
    CHECK_THAT(refused.err, ContainsText("needs the quarantine, which is off"));
    site.write_configuration(off);
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    const process::Finished unserved = kLeader.run("serve");
    INFO(unserved.err);
    CHECK(unserved.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(unserved.err, ContainsText("the staged clone is not sanitised: it is served to nobody"));
    put_orders(plan, Phase::bootstrap);
    CHECK(kLeader.bootstrap().exit_status == 0);
    const auto marker = require(postgres::read_marker(kLeader.data()));
    CHECK_FALSE(marker->is_quarantined);
    CHECK_THAT(require(fs::read_file(kLeader.data() / "postgresql.auto.conf")), ContainsText("archive_mode = 'off'"));
}

}  // namespace
}  // namespace polygon::test
