// polygon-role-change on a real cluster: who is healthy is left alone, however little the leader can see of it.
#include <chrono>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/fs/file.h"
#include "common/process/child.h"
#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;

// The polygon's file for a node that cascades, and whose superuser nobody can be from another node.
std::filesystem::path write_cascading(support::Stand& both, const support::PatroniNode& node,
                                      const std::string& upstream) {
    std::string text = require(fs::read_file(both.polygon_config()));
    const auto replace = [&](const std::string& line, const std::string& by) {
        const std::size_t at = text.find(line);
        REQUIRE(at != std::string::npos);
        text.replace(at, line.size(), by);
    };
    const std::string& superuser = both.polygon().credentials().superuser.user;
    replace("    - host all         all        127.0.0.1/32 scram-sha-256\n",
            fmt::format("    - local all {0} trust\n    - host all {0} 127.0.0.1/32 reject\n"
                        "    - host all all 127.0.0.1/32 scram-sha-256\n",
                        superuser));
    replace("    unix_socket_directories: ''\n",
            fmt::format("    unix_socket_directories: '{}'\n", node.directory().string()));
    replace("  pg_hba:\n", "  use_unix_socket: true\n  pg_hba:\n");
    const std::filesystem::path file = both.polygon_config().parent_path() / "cascading-polygon.yml";
    require(fs::replace_file(file, fmt::format("{}\ntags: {{replicatefrom: {}}}\n", text, upstream), 0644));
    require(both.workspace().account().give(file));
    return file;
}

Result<bool> streams_from(const support::PatroniNode& upstream, const support::Login& superuser,
                          const std::string& member) {
    support::Database database = TRY(upstream.connect(superuser));
    const std::string count = TRY(database.value(fmt::format(
        "SELECT count(*) FROM pg_stat_replication WHERE application_name = '{}' AND state = 'streaming'", member)));
    return count == "1";
}

// Neither in its own view, whose receiver ends a moment after the sender, nor in the cluster's, which is up to
// loop_wait older. Patroni 3.0 never says it.
Status require_not_seen_streaming(const support::PatroniNode& leader, const support::PatroniNode& upstream,
                                  const support::PatroniNode& member) {
    const Error still{Errc::timeout, "Patroni still says that it streams", "", Retry::safe};
    if (TRY(member.rest("/patroni")).value("replication_state", "") == "streaming") return still;
    const nlohmann::json sender = TRY(upstream.rest("/patroni"));
    for (const nlohmann::json& seen : sender.value("replication", nlohmann::json::array())) {
        if (seen.value("application_name", "") == member.name()) return still;
    }
    for (const nlohmann::json& seen : TRY(leader.rest("/cluster")).at("members")) {
        if (seen.at("name") == member.name() && seen.at("state") == "streaming") return still;
    }
    return {};
}

process::Finished call_role_change(support::Stand& both, const support::PatroniNode& leader,
                                   const std::string& deadline) {
    const process::Command command = both.workspace().tool(
        {(both.workspace().bin() / "polygon-role-change").string(), "on_role_change", "primary", both.polygon().scope(),
         "--deadline", deadline, "--config", both.polygon_config().string()},
        leader.environment());
    return require(process::run(command, system_clock(), Deadline(system_clock(), 180s)));
}

TEST_CASE("a cascading replica that the leader cannot log in to is left alone, streaming or not") {
    const StandGuard guard;
    support::Stand& both = stand();
    if (both.previous_identifier().empty()) require(both.run_rebuild());
    support::Cluster& polygon = both.polygon();
    const support::Login& superuser = polygon.credentials().superuser;
    support::PatroniNode& leader = *require(polygon.leader());
    support::PatroniNode& upstream = *polygon.replicas()[0];
    support::PatroniNode& cascading = *polygon.replicas()[1];
    const std::filesystem::path config = write_cascading(both, cascading, upstream.name());
    cascading.ask_to_stop();
    require(cascading.wait_for_stop());
    require(cascading.start(config, support::Launch::patroni));  // without an agent: nobody says its generation
    const auto until_streaming = [&](bool is_wanted) {
        require(support::wait_for(fmt::format("{} {}streaming", cascading.name(), is_wanted ? "" : "not "), 120s,
                                  [&]() -> Status {
                                      const auto streams = streams_from(upstream, superuser, cascading.name());
                                      if (streams && *streams == is_wanted) return {};
                                      return Error{Errc::timeout, "not yet", "", Retry::safe};
                                  }));
    };
    until_streaming(true);
    REQUIRE_FALSE(cascading.connect(superuser).has_value());
    const auto postmaster = cascading.postmaster();
    REQUIRE(postmaster);

    const process::Finished streaming = call_role_change(both, leader, "60");
    INFO(streaming.err);
    CHECK(streaming.exit_status == 0);
    CHECK_THAT(streaming.err, ContainsText("every member streams"));
    CHECK(streaming.err.find("asked a member") == std::string::npos);

    // It cannot stream any more, as while it catches up from an archive: Patroni 3.0 says "running".
    const std::string& replicator = polygon.credentials().replication.user;
    require(require(polygon.connect_to_leader()).run(fmt::format("ALTER ROLE {} NOLOGIN", replicator)));
    require(support::wait_for("the role is closed on " + upstream.name(), 60s, [&]() -> Status {
        support::Database database = TRY(upstream.connect(superuser));
        const std::string is_open =
            TRY(database.value(fmt::format("SELECT rolcanlogin FROM pg_roles WHERE rolname = '{}'", replicator)));
        if (is_open == "f") return {};
        return Error{Errc::timeout, "not yet", "", Retry::safe};
    }));
    require(
        require(upstream.connect(superuser))
            .run(fmt::format("SELECT pg_terminate_backend(pid) FROM pg_stat_replication WHERE application_name = '{}'",
                             cascading.name())));
    until_streaming(false);
    require(support::wait_for("Patroni sees that " + cascading.name() + " does not stream", 60s,
                              [&] { return require_not_seen_streaming(leader, upstream, cascading); }));
    const process::Finished silent = call_role_change(both, leader, "35");
    INFO(silent.err);
    CHECK(silent.exit_status == exit_status(Errc::timeout));
    CHECK_THAT(silent.err, ContainsText("not streaming: " + cascading.name()));
    CHECK_THAT(silent.err, ContainsText("nobody says which generation it carries"));
    CHECK(silent.err.find("asked a member") == std::string::npos);
    CHECK(cascading.postmaster() == postmaster);
    CHECK(require(cascading.read_log()).find("Removing data directory") == std::string::npos);

    require(require(polygon.connect_to_leader()).run(fmt::format("ALTER ROLE {} LOGIN", replicator)));
    cascading.ask_to_stop();
    require(cascading.wait_for_stop());
    require(cascading.start(both.polygon_config(), support::Launch::service));
    require(both.wait_for_polygon());
}

}  // namespace
}  // namespace polygon::e2e
