#include "tests/bench/by_hand.h"

#include <chrono>

#include <fmt/format.h>

#include "common/fs/file.h"
#include "tests/support/rebuild_view.h"
#include "tests/support/waiting.h"

namespace polygon::bench {
namespace {

namespace stdfs = std::filesystem;
using namespace std::chrono_literals;
using support::PatroniNode;
using support::Stand;

constexpr auto kLimit = 3600s;

Result<std::string> run_tool(Stand& stand, std::vector<std::string> argv, const std::string& input = {}) {
    support::Workspace& workspace = stand.workspace();
    process::Command command = workspace.tool(std::move(argv), workspace.environment(workspace.path()));
    command.environment->emplace("ETCDCTL_API", "3");
    command.input = input;
    return TRY(process::run_checked(command, system_clock(), Deadline(system_clock(), kLimit))).out;
}

// Patroni's file without what is ours.
Result<stdfs::path> write_plain_file(Stand& stand) {
    constexpr std::string_view kOurs =
        "  callbacks:\n    on_start: polygon-role-change\n    on_role_change: polygon-role-change\n";
    std::string text = TRY(fs::read_file(stand.workspace().patroni_config("base-polygon")));
    const std::size_t place = text.find(kOurs);
    if (place == std::string::npos) return Error{Errc::configuration, "the polygon's file has no callbacks"};
    text.erase(place, kOurs.size());
    const stdfs::path file = stand.workspace().path() / "by-hand.yml";
    TRY(fs::replace_file(file, text, 0644));
    return file;
}

Status unpack(Stand& stand, const PatroniNode& leader, const stdfs::path& backup) {
    const std::string data = leader.data_directory().string();
    TRY(run_tool(stand, {"mkdir", "-m", "700", data}));
    TRY(run_tool(stand, {"tar", "-xzf", (backup / "base.tar.gz").string(), "-C", data}));
    TRY(run_tool(stand, {"tar", "-xzf", (backup / "pg_wal.tar.gz").string(), "-C", data + "/pg_wal"}));
    return {};
}

// Production's go; recovery ends with the backup's own WAL.
Status replace_configuration(Stand& stand, const PatroniNode& leader) {
    const stdfs::path data = leader.data_directory();
    TRY(run_tool(stand, {"rm", "-f", (data / "postgresql.auto.conf").string(), (data / "recovery.signal").string(),
                         (data / "standby.signal").string()}));
    TRY(fs::replace_file(data / "postgresql.conf", "restore_command = 'false'\n", 0600));
    TRY(fs::replace_file(data / "pg_hba.conf", "local all all trust\n", 0600));
    TRY(fs::replace_file(data / "recovery.signal", "", 0600));
    return stand.workspace().account().give(data);
}

std::string password_statements(const support::Credentials& own) {
    std::string sql;
    const auto add = [&sql](const support::Login& login, const char* attributes) {
        sql += fmt::format(
            "SELECT 'CREATE ROLE {0}' WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = '{0}') \\gexec\n"
            "ALTER ROLE {0} LOGIN {1} PASSWORD '{2}';\n",
            login.user, attributes, login.password);
    };
    add(own.superuser, "SUPERUSER");
    add(own.replication, "REPLICATION");
    add(own.rewind, "");
    add(own.app, "");
    for (const char* function : {"pg_ls_dir(text, boolean, boolean)", "pg_stat_file(text, boolean)",
                                 "pg_read_binary_file(text)", "pg_read_binary_file(text, bigint, bigint, boolean)"})
        sql += fmt::format("GRANT EXECUTE ON FUNCTION pg_catalog.{} TO {};\n", function, own.rewind.user);
    return sql;
}

// Recovered on a socket of its own, given the polygon's passwords, and shut down cleanly.
Status change_passwords(Stand& stand, const PatroniNode& leader) {
    const std::string data = leader.data_directory().string();
    const std::string socket = stand.workspace().path().string();  // shorter than the node's: 107 bytes at most
    const std::string options = fmt::format("-c listen_addresses='' -c unix_socket_directories='{}'", socket);
    const std::vector<std::string> psql = {"psql", "-X",   "-q", "-A",       "-t", "-v",      "ON_ERROR_STOP=1",
                                           "-h",   socket, "-U", "postgres", "-d", "postgres"};
    TRY(run_tool(stand, {"pg_ctl", "-D", data, "-s", "-w", "-t", "3600", "-l", socket + "/by-hand.log", "-o", options,
                         "start"}));
    TRY(support::wait_for("end of recovery", kLimit, [&]() -> Status {
        if (TRY(run_tool(stand, psql, "SELECT pg_is_in_recovery();")) == "f\n") return {};
        return Error{Errc::not_proven, "in recovery"};
    }));
    TRY(run_tool(stand, psql, password_statements(stand.polygon().credentials())));
    TRY(run_tool(stand, {"pg_ctl", "-D", data, "-s", "-w", "-t", "3600", "-m", "fast", "stop"}));
    // Patroni's own settings include this file.
    TRY(fs::replace_file(leader.data_directory() / "postgresql.conf", "", 0600));
    return stand.workspace().account().give(leader.data_directory() / "postgresql.conf");
}

Status write_initialize(Stand& stand, const PatroniNode& leader) {
    const std::string control = TRY(run_tool(stand, {"pg_controldata", leader.data_directory().string()}));
    constexpr std::string_view kLine = "Database system identifier:";
    const std::size_t begin = control.find_first_of("0123456789", control.find(kLine));
    const std::string identifier = control.substr(begin, control.find('\n', begin) - begin);
    const std::string endpoint = "--endpoints=" + stand.polygon().etcd().endpoint();
    for (const char* key : {"initialize", "leader", "history", "status", "failover", "sync"})
        TRY(run_tool(stand, {"etcdctl", endpoint, "del", fmt::format("/service/polygon/{}", key)}));
    TRY(run_tool(stand, {"etcdctl", endpoint, "del", "--prefix", "/service/polygon/members/"}));
    TRY(run_tool(stand, {"etcdctl", endpoint, "put", "/service/polygon/initialize", identifier}));
    return {};
}

}  // namespace

Status rebuild_by_hand(Stand& stand, const stdfs::path& backup) {
    support::Cluster& polygon = stand.polygon();
    const stdfs::path file = TRY(write_plain_file(stand));
    PatroniNode& leader = polygon.nodes().front();
    TRY(polygon.stop_nodes());
    for (const PatroniNode& node : polygon.nodes())
        TRY(run_tool(stand, {"rm", "-rf", node.data_directory().string()}));
    TRY(unpack(stand, leader, backup));
    TRY(replace_configuration(stand, leader));
    TRY(change_passwords(stand, leader));
    TRY(write_initialize(stand, leader));
    polygon.use(file, support::Launch::patroni);
    TRY(leader.start(file, support::Launch::patroni));
    TRY(support::wait_for("leader", kLimit, [&]() -> Status {
        TRY(polygon.leader());
        return {};
    }));
    for (PatroniNode& node : polygon.nodes()) {
        if (&node != &leader) TRY(node.start(file, support::Launch::patroni));
    }
    return support::wait_for("cluster rebuilt by hand", kLimit, [&] { return polygon.check_health(); });
}

Status become_services(Stand& stand) {
    support::Cluster& polygon = stand.polygon();
    TRY(polygon.stop_nodes());
    TRY(support::RebuildView(polygon).forget());
    polygon.use(stand.polygon_config(), support::Launch::service);
    TRY(polygon.start_nodes());
    return polygon.wait_until_healthy();
}

}  // namespace polygon::bench
