#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "bootstrap/restore/staging/staging_role.h"
#include "common/fs/file.h"
#include "common/postgres/connection.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "common/postgres/seal.h"
#include "common/process/environment.h"
#include "tests/integration/programs/live_production.h"
#include "tests/integration/programs/staging_site.h"
#include "tests/support/processes.h"
#include "tests/support/secrets.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;
using etcd::Phase;

const char* const kRoleIsThere = "SELECT count(*) FROM pg_roles WHERE rolname = 'polygon_staging'";

Secret staging_password() {
    return require(bootstrap::derive_staging_password(Secret("polygon-replication"), kStagedGeneration));
}

// Servers' logs go below the workspace, where they are looked through.
process::Environment in_workspace() {
    return {{"TMPDIR", require(Site::shared().workspace().make_directory("tmp")).string()}};
}

int end(process::Child& serve) {
    serve.signal(SIGTERM);
    return require(serve.wait(system_clock(), Deadline(system_clock(), 120s)));
}

// At the address of the staged leader, with replication or to a database.
Result<postgres::Connection> connect(const std::string& address, const Secret& password,
                                     std::map<std::string, std::string> more) {
    const std::string database = more.contains("replication") ? "" : "postgres";
    return postgres::Connection::open(postgres::at_address(address, bootstrap::kStagingRole, password, database, more));
}

// The certificate in the workspace, for the node's server and its replication role.
void use_tls(const Site& site) {
    std::string text = require(fs::read_file(site.configuration()));
    const auto insert = [&](const std::string& before, const std::string& what) {
        const std::size_t place = text.find(before);
        REQUIRE(place != std::string::npos);
        text.insert(place, what);
    };
    const std::string root = site.path().string();
    insert("  authentication:\n", fmt::format("  parameters: {{ssl: 'on', ssl_cert_file: {0}/tls.crt, "
                                              "ssl_key_file: {0}/tls.key}}\n",
                                              root));
    insert("password: polygon-replication", fmt::format("sslmode: verify-full, sslrootcert: {}/tls.crt, ", root));
    std::ofstream(site.configuration()) << text;
}

bool runs_with(const std::string& argument) {
    std::error_code error;
    for (const auto& entry : stdfs::directory_iterator("/proc", error)) {
        const int pid = std::atoi(entry.path().filename().c_str());
        for (const std::string& one : process::read_command_line(pid).value_or({})) {
            if (one.find(argument) != std::string::npos) return true;
        }
    }
    return false;
}

void check_copied() {
    const auto marker = require(postgres::read_marker(kReplica.staged()));
    REQUIRE(marker.has_value());
    CHECK(marker->generation == kStagedGeneration);
    CHECK(marker->stage == postgres::Stage::restored);
    require(postgres::require_sealed(kReplica.staged()));
    const auto control = require(postgres::read_control_file(kReplica.staged()));
    CHECK(control.state == postgres::ClusterState::shut_down_in_recovery);
    CHECK(control.system_identifier == require(postgres::read_control_file(kLeader.staged())).system_identifier);
    for (const char* left : {"standby.signal", "backup_label", "backup_manifest", "polygon-serving", "postmaster.pid"})
        CHECK_FALSE(stdfs::exists(kReplica.staged() / left));
}

// As files.keep has it brought on the leader; the replica's configuration names nothing.
void keep_extension_data(Site& site) {
    const stdfs::path folder = kLeader.staged() / "orioledb_data";
    stdfs::create_directory(folder);
    std::ofstream(folder / "16385") << "precious";
    require(site.workspace().account().give(folder));
    require(postgres::seal(kLeader.staged()));
    require(site.workspace().account().give(kLeader.staged() / "polygon.json"));
}

TEST_CASE("replicas copy the staged clone, and stream from the leader when both are in place") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    keep_extension_data(site);
    put_orders(plan, Phase::copy);
    const support::Secrets secrets = {staging_password().reveal(), "polygon-replication"};
    const support::LogSizes before = support::measure_logs(site.path());
    const support::ArgumentWatch arguments(secrets);
    process::Child serve = kLeader.start("serve", {}, in_workspace());
    const std::string address = kLeader.await_address(serve);
    CHECK(address.starts_with("127.0.0.1:"));

    SECTION("which nobody else reaches") {
        CHECK_FALSE(connect(address, Secret("wrong"), {{"replication", "true"}}).has_value());
        CHECK_FALSE(connect(address, staging_password(), {}).has_value());  // to a database
        CHECK(connect(address, staging_password(), {{"replication", "true"}}).has_value());
        const auto superuser = postgres::Connection::open(
            postgres::at_address(address, "postgres", Secret("polygon-superuser"), "postgres"));
        CHECK_FALSE(superuser.has_value());
        const process::Finished refused =
            kReplica.run("copy", {"--from", address}, {{"PATRONI_REPLICATION_PASSWORD", "another"}});
        INFO(refused.err);
        CHECK(refused.exit_status == exit_status(Errc::connection));
        CHECK_THAT(refused.err, ContainsText("cannot copy from the staged leader at " + address));
        CHECK_FALSE(stdfs::exists(kReplica.staged()));
        CHECK(end(serve) == 0);
    }
    SECTION("and the role is gone") {
        const process::Finished copied = kReplica.run("copy", {"--from", address}, in_workspace());
        INFO(copied.err);
        REQUIRE(copied.exit_status == 0);
        CHECK_FALSE(support::has_secret(copied.err + copied.out, secrets));
        CHECK(end(serve) == 0);
        require(postgres::require_sealed(kLeader.staged()));
        CHECK(kLeader.status("state") == "done");
        CHECK(kLeader.status("address").empty());
        check_copied();
        CHECK(require(fs::read_file(kReplica.staged() / "orioledb_data/16385")) == "precious");
        put_orders(plan, Phase::bootstrap);
        REQUIRE(kLeader.bootstrap().exit_status == 0);
        require(postgres::put_in_place(kReplica.places()));
        RunningServer leader("leader", kLeader.data(), "");
        CHECK(ask(leader.socket_directory(), kRoleIsThere) == "0");
        std::ofstream(kReplica.data() / "standby.signal");
        RunningServer replica("replica", kReplica.data(),
                              "primary_conninfo=host=" + leader.socket_directory().string() + " user=postgres");
        ask(leader.socket_directory(), "CREATE TABLE written_after AS SELECT 1");
        REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 50ms, [&] {
            return ask(replica.socket_directory(), "SELECT to_regclass('written_after') IS NOT NULL") == "t";
        }));
        CHECK(ask(replica.socket_directory(), kRoleIsThere) == "0");
        CHECK(ask(replica.socket_directory(), "SELECT pg_is_in_recovery()") == "t");
        CHECK(ask(leader.socket_directory(), "SELECT count(*) FROM pg_stat_replication") == "1");
    }
    CHECK(arguments.samples() > 0);
    CHECK(arguments.found().empty());
    CHECK(support::find_in_logs(site.path(), secrets, before).empty());
    for (const auto& [key, value] : site.etcd_keys()) {
        INFO(key);
        CHECK_FALSE(support::has_secret(value, secrets));
    }
    for (const StagingMember& member : {kLeader, kReplica})
        CHECK_FALSE(support::has_secret(fs::read_file(member.status_file()).value_or(""), secrets));
}

TEST_CASE("a clone with a role of production's by that name is not served, and stays as it was") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    site.with_server(kLeader.staged(), [](const stdfs::path& socket) { ask(socket, "CREATE ROLE polygon_staging"); });
    require(postgres::seal(kLeader.staged()));
    require(site.workspace().account().give(kLeader.staged() / "polygon.json"));
    put_orders(plan, Phase::copy);
    const process::Finished refused = kLeader.run("serve");
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::conflict));
    CHECK_THAT(refused.err, ContainsText("production has a role 'polygon_staging' of its own"));
    require(postgres::require_sealed(kLeader.staged()));
    put_orders(plan, Phase::bootstrap);
    CHECK(kLeader.bootstrap().exit_status == 0);
}

TEST_CASE("a tablespace is copied to its place here, and goes with the clone") {
    Site& site = Site::shared();
    site.clear();
    const LiveProduction& production = LiveProduction::shared();
    const stdfs::path backup = site.path() / "backup-with-tablespace";
    const stdfs::path first = site.path() / "node/fast1";
    const stdfs::path second = site.path() / "node/fast2";
    production.back_up(backup, site.path() / "backup-fast");
    site.write_configuration(fmt::format("  source: {{directory: {}}}\n  tablespaces: {{{}: {}, {}: {}}}\n",
                                         backup.string(), (site.path() / "backup-fast").string(), first.string(),
                                         first.string(), second.string()));
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    process::Child serve = kLeader.start("serve", {}, in_workspace());
    const process::Finished copied = kReplica.run("copy", {"--from", kLeader.await_address(serve)});
    INFO(copied.err);
    REQUIRE(copied.exit_status == 0);
    CHECK(end(serve) == 0);
    CHECK(stdfs::exists(first.string() + ".staged"));
    CHECK(stdfs::exists(second.string() + ".staged"));
    require(postgres::put_in_place(kReplica.places()));
    CHECK(stdfs::exists(second));
    CHECK_FALSE(stdfs::exists(second.string() + ".staged"));
    site.with_server(kReplica.data(),
                     [](const stdfs::path& socket) { CHECK(ask(socket, "TABLE far LIMIT 1") == "1"); });
}

TEST_CASE("the staged clone is served by TLS where Patroni's server has it, and then only so") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished made =
        site.run({"openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=localhost",
                  "-addext", "subjectAltName=IP:127.0.0.1", "-keyout", (site.path() / "tls.key").string(), "-out",
                  (site.path() / "tls.crt").string()});
    INFO(made.err);
    REQUIRE(made.exit_status == 0);
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    use_tls(site);
    process::Child serve = kLeader.start("serve", {}, in_workspace());
    const std::string address = kLeader.await_address(serve);
    CHECK_FALSE(connect(address, staging_password(), {{"replication", "true"}, {"sslmode", "disable"}}).has_value());
    const process::Finished copied = kReplica.run("copy", {"--from", address});
    INFO(copied.err);
    CHECK(copied.exit_status == 0);
    CHECK(end(serve) == 0);
}

TEST_CASE("a clone whose server was killed is taken by nobody, until the next serve has made up for it") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    process::Child killed = kLeader.start("serve", {}, in_workspace());
    kLeader.await_address(killed);
    killed.signal(SIGKILL);
    require(killed.wait(system_clock(), Deadline(system_clock(), 30s)));
    put_orders(plan, Phase::bootstrap);
    const process::Finished refused = kLeader.bootstrap();
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::conflict));
    CHECK_FALSE(stdfs::exists(kLeader.data()));

    put_orders(plan, Phase::copy);
    process::Child again = kLeader.start("serve", {}, in_workspace());
    const std::string address = kLeader.await_address(again);
    const process::Finished copied = kReplica.run("copy", {"--from", address});
    INFO(copied.err);
    CHECK(copied.exit_status == 0);
    CHECK(end(again) == 0);
    put_orders(plan, Phase::bootstrap);
    REQUIRE(kLeader.bootstrap().exit_status == 0);
    site.with_server(kLeader.data(), [](const stdfs::path& socket) { CHECK(ask(socket, kRoleIsThere) == "0"); });
}

TEST_CASE("stage makes a clone anew whose server was killed") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    process::Child killed = kLeader.start("serve", {}, in_workspace());
    kLeader.await_address(killed);
    killed.signal(SIGKILL);
    require(killed.wait(system_clock(), Deadline(system_clock(), 30s)));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 20ms,
                       [&] { return support::processes_in(kLeader.staged()).empty(); }));
    stage_clone(plan);
    CHECK_FALSE(stdfs::exists(kLeader.staged() / "polygon-serving"));
    site.with_server(kLeader.staged(), [](const stdfs::path& socket) { CHECK(ask(socket, kRoleIsThere) == "0"); });
}

TEST_CASE("a copy that is ended by SIGTERM takes pg_basebackup along, and the next one removes what it left") {
    Site& site = Site::shared();
    site.clear();
    const etcd::Plan plan = make_staged_plan();
    stage_clone(plan);
    put_orders(plan, Phase::copy);
    process::Child serve = kLeader.start("serve", {}, in_workspace());
    const std::string address = kLeader.await_address(serve);
    process::Child copy = kReplica.start("copy", {"--from", address});
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 60s), 1ms,
                       [&] { return stdfs::exists(kReplica.staged() / "incoming/base") || copy.poll(); }));
    copy.signal(SIGTERM);
    CHECK(require(copy.wait(system_clock(), Deadline(system_clock(), 30s))) != 0);
    const auto marker = require(postgres::read_marker(kReplica.staged()));
    REQUIRE(marker.has_value());
    CHECK(marker->stage == postgres::Stage::restoring);
    CHECK(wait_until(system_clock(), Deadline(system_clock(), 30s), 20ms,
                     [] { return !runs_with((kReplica.staged() / "incoming").string()); }));
    const process::Finished copied = kReplica.run("copy", {"--from", address});
    INFO(copied.err);
    CHECK(copied.exit_status == 0);
    check_copied();
    CHECK(end(serve) == 0);
}

TEST_CASE("a replica goes on without a copy where nobody serves one, and says where it looked") {
    Site& site = Site::shared();
    site.clear();
    put_orders(make_staged_plan(), Phase::copy);
    const process::Finished failed = kReplica.run("copy", {"--from", "127.0.0.1:1"});
    CHECK(failed.exit_status == exit_status(Errc::connection));
    CHECK_THAT(failed.err, ContainsText("cannot copy from the staged leader at 127.0.0.1:1"));
    CHECK(kReplica.status("state") == "failed");
    const process::Finished unserved = kLeader.run("serve");
    INFO(unserved.err);
    CHECK(unserved.exit_status == exit_status(Errc::conflict));
    CHECK_THAT(unserved.err, ContainsText("data.staged' is not there"));
}

}  // namespace
}  // namespace polygon::test
