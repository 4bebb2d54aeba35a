// source.connection: a backup taken for the clone from a running server.
#include <csignal>
#include <fstream>
#include <iterator>
#include <regex>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "common/postgres/control_file.h"
#include "common/postgres/generation_marker.h"
#include "tests/integration/programs/live_production.h"
#include "tests/support/processes.h"

namespace polygon::test {
namespace {

using namespace std::chrono_literals;
namespace stdfs = std::filesystem;

constexpr const char* kSecret = "prod-secret";

// For YAML, in single quotes.
std::string quoted(const std::string& text) {
    std::string result = "'";
    for (const char c : text)
        result += c == '\'' ? std::string("''") : std::string(1, c);
    return result + "'";
}

stdfs::path fast_here() {
    return Site::shared().path() / "node" / "fast";
}

void configure(const std::string& conninfo, const std::string& more, const stdfs::path& production_tablespace) {
    const stdfs::path there =
        production_tablespace.empty() ? LiveProduction::shared().tablespace() : production_tablespace;
    Site::shared().write_configuration(
        fmt::format("  source: {{connection: {}{}}}\n  tablespaces: {{{}: {}}}\n"
                    "  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
                    quoted(conninfo), more, there.string(), fast_here().string()));
}

// An empty node whose source is this connection, with `more` beside it.
Site& node(const std::string& conninfo, const std::string& more = "", const stdfs::path& production_tablespace = {}) {
    Site::shared().clear();
    configure(conninfo, more, production_tablespace);
    return Site::shared();
}

std::string read_log(Site& site) {
    std::ifstream file(site.path() / "bootstrap.log");
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

// The command lines of all processes that there are, those of pg_basebackup counted.
struct Sampled {
    int basebackups = 0;
    int with_secret = 0;
};

void sample_command_lines(Sampled& sampled) {
    std::error_code error;
    for (const auto& entry : stdfs::directory_iterator("/proc", error)) {
        const std::string line = fs::read_file(entry.path() / "cmdline").value_or("");  // it may have ended by now
        if (line.find("pg_basebackup") != std::string::npos) ++sampled.basebackups;
        if (line.find(kSecret) != std::string::npos) ++sampled.with_secret;
    }
}

// All but backup_label, tablespace_map and pg_control, which are read for what they say; a slow watcher may miss a few.
void check_read_on_arrival(const std::string& log) {
    std::smatch found;
    REQUIRE(std::regex_search(log, found, std::regex(" files=([0-9]+) bytes=[0-9]+ files_read_on_arrival=([0-9]+)")));
    CHECK(std::stoul(found[2]) > std::stoul(found[1]) * 9 / 10);
}

void check_clone(Site& site) {
    CHECK_FALSE(stdfs::exists(site.data_directory().string() + ".staged"));
    CHECK(stdfs::exists(fast_here()));
    CHECK_FALSE(stdfs::exists(fast_here().string() + ".staged"));
    CHECK_FALSE(stdfs::exists(site.data_directory() / "backup_manifest"));
    CHECK_FALSE(stdfs::exists(site.data_directory() / "pg_basebackup.log"));
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        CHECK(site.query(socket, "postgres", "postgres", "SELECT count(*) FROM far") == "1000");
        CHECK(site.query(socket, "postgres", "postgres",
                         "SELECT rolcanlogin FROM pg_roles WHERE rolname = 'recluse'") == "f");
        CHECK(site.query(socket, "postgres", "postgres", "SHOW archive_mode") == "off");
    });
}

TEST_CASE("a clone is made of the running production, its tablespace mapped, its password seen nowhere") {
    LiveProduction& production = LiveProduction::shared();
    Site& site = node(production.conninfo() + LiveProduction::password_keyword(), ", compression: server-gzip");
    stdfs::remove(site.path() / "bootstrap.log");
    auto child = require(process::Child::start(site.bootstrap_command("bootstrap.log")));
    Sampled sampled;
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 240s), 1ms, [&] {
        sample_command_lines(sampled);
        return child.poll().has_value();
    }));
    INFO(read_log(site));
    REQUIRE(*child.poll() == 0);
    CHECK(sampled.basebackups > 0);
    CHECK(sampled.with_secret == 0);
    CHECK(read_log(site).find(kSecret) == std::string::npos);
    CHECK_THAT(read_log(site), ContainsText("the backup is what its manifest says"));
    check_read_on_arrival(read_log(site));
    CHECK(production.ties() == "0|0|0");
    const auto marker = require(postgres::read_marker(site.data_directory()));
    REQUIRE(marker.has_value());
    CHECK(marker->backup_label == "pg-polygon " + marker->generation);
    CHECK_FALSE(marker->backup_time.empty());
    CHECK_FALSE(marker->backup_end_lsn.empty());
    CHECK(marker->source_system_identifier ==
          require(postgres::read_control_file(site.path() / "live")).system_identifier);
    check_clone(site);
}

TEST_CASE("the password may be in the environment, and the role may be let in to no database") {
    Site& site = node(LiveProduction::shared().conninfo("recluse"));
    const process::Finished done = site.bootstrap({{"PGPASSWORD", LiveProduction::password()}});
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("its tablespaces are asked for by the replication protocol"));
    CHECK(LiveProduction::shared().ties() == "0|0|0");
    check_clone(site);
}

TEST_CASE("a clone is made of a standby") {
    LiveProduction& production = LiveProduction::shared();
    Site& site = Site::shared();
    const stdfs::path fast = require(site.workspace().make_directory("standby-fast"));
    production.back_up(site.path() / "standby", fast, {"-R", "-Xs"});
    {
        const RunningServer standby("standby", site.path() / "standby", "archive_mode=off");
        production.server().wait_for("SELECT count(*) = 1 FROM pg_stat_replication WHERE state = 'streaming'");
        production.server().query("INSERT INTO moments VALUES ('streamed')");
        standby.wait_for("SELECT pg_is_in_recovery() AND EXISTS (SELECT FROM moments WHERE what = 'streamed')");
        node(fmt::format("host={} user=replicator", standby.socket_directory().string()) +
                 LiveProduction::password_keyword(),
             "", fast);
        const process::Finished done = site.bootstrap();
        INFO(done.err);
        REQUIRE(done.exit_status == 0);
        CHECK(standby.query("SELECT count(*) FROM pg_replication_slots") == "0");
    }
    check_clone(site);
}

// Enters the directory of the clone, and the one that pg_basebackup fills.
void check_nothing_starts(Site& site) {
    const stdfs::path staged = site.data_directory().string() + ".staged";
    for (const stdfs::path& directory : {staged, staged / "incoming"}) {
        const process::Finished started =
            site.run_postgres({"postgres", "-D", directory.string(), "-c", "listen_addresses="});
        INFO(started.err);
        CHECK(started.exit_status != 0);
    }
    CHECK_FALSE(stdfs::exists(site.data_directory()));
}

TEST_CASE("killed while it takes the backup it leaves nothing on production, and a repeat succeeds") {
    LiveProduction& production = LiveProduction::shared();
    const std::string conninfo = production.conninfo() + LiveProduction::password_keyword();
    Site& site = node(conninfo, ", max_rate: 1M");
    auto child = require(process::Child::start(site.bootstrap_command("bootstrap.log")));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 120s), 5ms, [&] {
        return child.poll() || (stdfs::exists(fast_here().string() + ".staged") && production.ties() == "2|1|1");
    }));
    INFO(read_log(site));
    REQUIRE_FALSE(child.poll().has_value());
    child.signal(SIGKILL);
    require(child.wait(system_clock(), Deadline(system_clock(), 30s)));
    production.server().wait_for(
        "SELECT NOT EXISTS (SELECT FROM pg_stat_replication) AND NOT EXISTS (SELECT FROM pg_stat_progress_basebackup) "
        "AND NOT EXISTS (SELECT FROM pg_replication_slots)");
    check_nothing_starts(site);
    // What the killed one had written is there still, its tablespace too.
    CHECK_FALSE(stdfs::is_empty(fast_here().string() + ".staged"));
    configure(conninfo, "", {});
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    check_clone(site);
}

TEST_CASE("pg_basebackup that loses its connection is told with its own words, and nothing stays") {
    LiveProduction& production = LiveProduction::shared();
    Site& site = node(production.conninfo() + LiveProduction::password_keyword(), ", max_rate: 1M");
    stdfs::remove(site.path() / "bootstrap.log");
    auto child = require(process::Child::start(site.bootstrap_command("bootstrap.log")));
    REQUIRE(wait_until(system_clock(), Deadline(system_clock(), 120s), 5ms,
                       [&] { return child.poll() || production.ties() == "2|1|1"; }));
    production.server().query("SELECT pg_terminate_backend(pid) FROM pg_stat_progress_basebackup");
    const int status = require(child.wait(system_clock(), Deadline(system_clock(), 120s)));
    INFO(read_log(site));
    CHECK(status == exit_status(Errc::process_failed));
    CHECK_THAT(read_log(site), ContainsText("pg_basebackup from '"));
    CHECK_THAT(read_log(site), ContainsText("' ended with status 1: "));
    CHECK_THAT(read_log(site), ContainsText("pg_basebackup: error: "));
    CHECK(site.has_no_data());
    CHECK_FALSE(stdfs::exists(fast_here().string() + ".staged"));
}

// Message and hint, and that nothing has been touched, here or there.
void check_refusal(const process::Finished& done, Errc code, const std::string& message, const std::string& hint) {
    INFO(done.err);
    CHECK(done.exit_status == exit_status(code));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK_THAT(done.err, ContainsText("HINT: " + hint));
    CHECK(done.err.find(kSecret) == std::string::npos);
    CHECK(Site::shared().has_no_data());
    CHECK(LiveProduction::shared().ties() == "0|0|0");
}

TEST_CASE("a tablespace without a place is refused before a backup is begun") {
    LiveProduction& production = LiveProduction::shared();
    Site& site = node(production.conninfo() + LiveProduction::password_keyword(), "", "/another");
    check_refusal(site.bootstrap(), Errc::configuration,
                  fmt::format("tablespace '{}' of the server '{}' has no place here", production.tablespace().string(),
                              production.server().socket_directory().string()),
                  "Add \"tablespaces: {" + production.tablespace().string());
}

TEST_CASE("a place of a tablespace that is not empty is left alone") {
    Site& site = node(LiveProduction::shared().conninfo() + LiveProduction::password_keyword());
    const stdfs::path occupied = require(site.workspace().make_directory("node/fast.staged"));
    std::ofstream(occupied / "precious") << "x";
    check_refusal(site.bootstrap(), Errc::data_directory_occupied,
                  "directory '" + occupied.string() + "' for a tablespace is not empty (1 entries)", "Move it away");
    CHECK(stdfs::exists(occupied / "precious"));
}

TEST_CASE("a server that does not let us in") {
    Site& site = node(LiveProduction::shared().conninfo() + " password=wrong-" + kSecret);
    check_refusal(site.bootstrap(), Errc::connection, "password authentication failed for user \"replicator\"",
                  "The role needs REPLICATION");
    node("host=/nowhere user=replicator");
    check_refusal(site.bootstrap(), Errc::connection, "cannot connect: ", "The role needs REPLICATION");
    node("host=/nowhere user=replicator pasword=" + std::string(kSecret));
    check_refusal(site.bootstrap(), Errc::configuration, "cannot be understood", "Write it as host=");
}

}  // namespace
}  // namespace polygon::test
