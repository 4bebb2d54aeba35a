// recovery.*: a clone as production was at some moment after the backup.
#include <csignal>
#include <fstream>

#include <fmt/format.h>

#include "tests/integration/programs/live_production.h"

namespace polygon::test {
namespace {

namespace stdfs = std::filesystem;

// A backup, and three rows after it in WAL that only the archive has.
struct History {
    stdfs::path backup;
    std::string before;  // the backup
    std::string second;  // when the second row was there, and the third was not
    std::string second_lsn;
    std::string third_xid;
};

History make_history() {
    LiveProduction& production = LiveProduction::shared();
    RunningServer& server = production.server();
    History history{.backup = Site::shared().path() / "history"};
    server.query("DELETE FROM moments");
    history.before = server.query("SELECT now() - interval '1 minute'");
    production.back_up(history.backup, Site::shared().path() / "history-fast", {"-Xn"});
    server.query("INSERT INTO moments VALUES ('first')");
    server.query("SELECT pg_create_restore_point('after the first')");
    server.query("INSERT INTO moments VALUES ('second')");
    history.second_lsn = server.query("SELECT pg_current_wal_insert_lsn()");
    history.second = server.query("SELECT clock_timestamp()");
    history.third_xid = server.query("INSERT INTO moments VALUES ('third') RETURNING pg_current_xact_id()::xid");
    production.archive_wal();
    return history;
}

const History& history() {
    static const History made = make_history();
    return made;
}

Site& node(const std::string& recovery) {
    const stdfs::path backup = history().backup;
    Site& site = Site::shared();
    site.clear();
    site.write_configuration(
        fmt::format("  source: {{directory: {}}}\n  tablespaces: {{{}: {}}}\n"
                    "  recovery: {{restore_command: '{}'{}}}\n"
                    "  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
                    backup.string(), (site.path() / "history-fast").string(), (site.path() / "node/fast").string(),
                    LiveProduction::shared().restore_command(), recovery));
    return site;
}

// The rows of the clone that is made with these keys.
std::string moments(const std::string& recovery) {
    Site& site = node(recovery);
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    REQUIRE(done.exit_status == 0);
    std::string rows;
    site.with_server(site.data_directory(), [&](const stdfs::path& socket) {
        rows = site.query(socket, "postgres", "postgres",
                          "SELECT coalesce(string_agg(what, ',' ORDER BY at), '') FROM moments");
        CHECK(site.query(socket, "postgres", "postgres", "SHOW restore_command").empty());
    });
    return rows;
}

void check_refusal(const std::string& recovery, Errc code, const std::string& message, const std::string& hint) {
    const process::Finished done = node(recovery).bootstrap();
    INFO(done.err);
    CHECK(done.exit_status == exit_status(code));
    CHECK_THAT(done.err, ContainsText(message));
    CHECK_THAT(done.err, ContainsText("HINT: " + hint));
    CHECK(Site::shared().has_no_data());
}

TEST_CASE("without a target the archive's WAL takes the clone to the end of the backup and no further") {
    CHECK(moments("").empty());
}

// As wal-g does, which fetches ahead into a folder of pg_wal.
TEST_CASE("what restore_command leaves running ends with recovery, and writes nothing into the clone") {
    Site& site = node("");
    const stdfs::path script = site.path() / "fetch-ahead";
    const stdfs::path pid_file = site.path() / "fetch-ahead.pid";
    std::ofstream(script) << fmt::format(
        "#!/bin/sh\n"
        "setsid sh -c 'echo $$ >>{0}; while :; do mkdir -p pg_wal/.fetch; echo ahead >>pg_wal/.fetch/wal; sleep 0.01; "
        "done' "
        "</dev/null >/dev/null 2>&1 &\n"
        "exec cp {1}/$1 $2\n",
        pid_file.string(), LiveProduction::shared().archive().string());
    stdfs::permissions(script, stdfs::perms::owner_all | stdfs::perms::group_all | stdfs::perms::others_all);
    std::ofstream(pid_file).close();
    stdfs::permissions(pid_file, stdfs::perms::all);
    site.write_configuration(
        fmt::format("  source: {{directory: {}}}\n  tablespaces: {{{}: {}}}\n"
                    "  recovery: {{restore_command: '{} %f %p'}}\n"
                    "  roles:\n    passwords: {{app: {{env: APP_PASSWORD}}}}\n",
                    history().backup.string(), (site.path() / "history-fast").string(),
                    (site.path() / "node/fast").string(), script.string()));
    const process::Finished done = site.bootstrap();
    INFO(done.err);
    std::ifstream pids(pid_file);
    std::vector<pid_t> left;
    for (pid_t pid = 0; pids >> pid;) {
        if (kill(pid, SIGKILL) == 0) left.push_back(pid);
    }
    CHECK(done.exit_status == 0);
    CHECK(left.empty());
    CHECK_FALSE(stdfs::exists(site.data_directory() / "pg_wal/.fetch"));
    CHECK(stdfs::file_size(pid_file) > 0);
}

TEST_CASE("each kind of target has what was before it and nothing of what came after") {
    CHECK(moments(", target_time: '" + history().second + "'") == "first,second");
    CHECK(moments(", target_name: after the first") == "first");
    CHECK(moments(", target_lsn: " + history().second_lsn) == "first,second");
    CHECK(moments(", target_xid: " + history().third_xid + ", target_timeline: current") == "first,second,third");
    CHECK(moments(", target_xid: " + history().third_xid + ", target_inclusive: false") == "first,second");
}

TEST_CASE("a target that the archive does not lead to is an error, and never the latest state") {
    check_refusal(
        ", target_time: '2099-01-01 00:00:00+00'", Errc::target_unreached,
        "recovery did not reach target_time '2099-01-01 00:00:00+00' (patroni.yml:", "Choose an earlier target");
    check_refusal(", target_name: never made", Errc::target_unreached, "; its last transaction is of 20",
                  "Choose an earlier target");
    check_refusal(", target_lsn: FF/0", Errc::target_unreached, "; the WAL ends at 0/", "Choose an earlier target");
}

TEST_CASE("a target before the backup") {
    check_refusal(", target_time: '" + history().before + "'", Errc::target_unreached, "before",
                  "Choose a later target");
    check_refusal(", target_lsn: 0/1000000", Errc::target_unreached,
                  "target_lsn '0/1000000' (patroni.yml:", "Choose a later target, or restore an older backup.");
}

TEST_CASE("a target that PostgreSQL does not understand is refused before anything is restored") {
    check_refusal(", target_time: yesterday evening", Errc::configuration,
                  "PostgreSQL does not take polygon.recovery.target_time 'yesterday evening' (patroni.yml:",
                  "Write it as PostgreSQL's recovery_target_* take it");
    check_refusal(", target_name: " + std::string(70, 'x'), Errc::configuration, "recovery_target_name",
                  "Write it as PostgreSQL's recovery_target_* take it");
}

}  // namespace
}  // namespace polygon::test
