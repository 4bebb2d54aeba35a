// A polygon whose superuser nobody but its own host's account is: no password, no line in pg_hba.conf for any host; and
// whose replicas are not the leader's plain ones.
#include <chrono>
#include <csignal>
#include <filesystem>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <pwd.h>
#include <unistd.h>

#include "common/fs/file.h"
#include "tests/e2e/staged_rebuild.h"
#include "tests/support/waiting.h"

namespace polygon::e2e {
namespace {

using namespace std::chrono_literals;
using nlohmann::json;
using support::PatroniNode;

std::string account_name() {
    return geteuid() == 0 ? "postgres" : getpwuid(geteuid())->pw_name;
}

void replace(std::string& text, const std::string& what, const std::string& by) {
    const std::size_t at = text.find(what);
    INFO(what);
    REQUIRE(at != std::string::npos);
    text.replace(at, what.size(), by);
}

class PeerOnly {
  public:
    PeerOnly() : polygon_(stand().polygon()), sockets_(require(stand().workspace().make_directory("sockets"))) {
        require(polygon_.stop_nodes());
        write("polygon1", "");
        write("polygon2", "");
        write("polygon3", "tags: {replicatefrom: polygon2}\n", "    recovery_min_apply_delay: 1h\n");
        for (PatroniNode& node : polygon_.nodes()) {
            node.set_variable("PATRONI_SUPERUSER_PASSWORD", "");
            require(node.start(config(node.name()), support::Launch::service));
        }
        wait_for_members();
    }

    // As Patroni sees it: the tests' own superuser is kept out.
    void wait_for_members() {
        require(support::wait_for("three members", 120s, [&]() -> Status {
            const json cluster = TRY(polygon_.nodes().front().rest("/cluster"));
            int running = 0;
            for (const auto& member : cluster.at("members")) {
                const std::string state = member.value("state", "");
                if (state == "running" || state == "streaming") ++running;
            }
            if (running == 3) return {};
            return Error{Errc::not_proven, cluster.dump(), ""};
        }));
    }

    PatroniNode& leader() {
        for (PatroniNode& node : polygon_.nodes()) {
            const auto answer = node.rest("/patroni");
            const std::string role = answer ? answer->value("role", "") : "";
            if (role == "master" || role == "primary") return node;
        }
        throw std::runtime_error("nobody leads");
    }

    std::string query(const PatroniNode& node, const std::string& sql) {
        process::Environment environment = stand().workspace().environment(stand().workspace().path());
        environment["PGOPTIONS"] = "-c log_statement=none";  // a password may be in it
        const process::Command psql =
            stand().workspace().tool({"psql", "-XAtq", "-h", sockets_, "-p", std::to_string(node.postgres_port()), "-U",
                                      "postgres", "-d", "postgres", "-c", sql},
                                     environment);
        std::string out = require(process::run_checked(psql, system_clock(), Deadline(system_clock(), 60s))).out;
        while (!out.empty() && out.back() == '\n')
            out.pop_back();
        return out;
    }

    // In force at once; Patroni does not look at the file while it runs.
    void put_into_hba(const PatroniNode& node, const std::string& line) {
        const std::filesystem::path file = node.data_directory() / "pg_hba.conf";
        const std::string rest = require(fs::read_file(file));
        require(fs::replace_file(file, line + rest, 0600));
        require(stand().workspace().account().give(file));
        REQUIRE(::kill(*node.postmaster(), SIGHUP) == 0);
    }

    // As the other tests know the polygon.
    void give_back() {
        const support::Login& superuser = polygon_.credentials().superuser;
        query(leader(), fmt::format("ALTER ROLE postgres PASSWORD '{}'", superuser.password));
        require(polygon_.stop_nodes());
        for (PatroniNode& node : polygon_.nodes())
            node.set_variable("PATRONI_SUPERUSER_PASSWORD", superuser.password);
        require(polygon_.start_nodes());
        require(stand().wait_for_polygon());
    }

  private:
    static std::filesystem::path config(const std::string& name) {
        return stand().polygon_config().parent_path() / (name + ".yml");
    }

    void write(const std::string& name, const std::string& tags, const std::string& parameters = "") {
        std::string text = tags + require(fs::read_file(stand().polygon_config()));
        replace(text, "    - host all         all        127.0.0.1/32 scram-sha-256\n",
                "    - local all         postgres  peer map=stand\n"
                "    - host all         app        127.0.0.1/32 scram-sha-256\n"
                "    - host postgres    polygon_rewinder 127.0.0.1/32 scram-sha-256\n");
        replace(text, "    unix_socket_directories: ''\n",
                fmt::format("    unix_socket_directories: {}\n{}", sockets_, parameters));
        replace(text, "  pg_hba:\n",
                fmt::format("  use_unix_socket: true\n  pg_ident: ['stand {} postgres']\n  pg_hba:\n", account_name()));
        require(fs::replace_file(config(name), text, 0644));
        require(stand().workspace().account().give(config(name)));
    }

    support::Cluster& polygon_;
    const std::string sockets_;
};

json find_check(const json& certificate, const std::string& name) {
    for (const json& check : certificate.at("checks")) {
        if (check.at("name") == name) return check;
    }
    return json();
}

TEST_CASE("a polygon with peer authentication only, a cascading and a delayed replica is planned, rebuilt, verified") {
    const StandGuard guard;
    stand();
    PeerOnly polygon;
    const Ended plan = run_operator({"plan"});
    INFO(plan.output);
    REQUIRE(plan.status == 0);
    REQUIRE_THAT(plan.output, !ContainsText("cannot log in"));

    const Ended run = run_operator({"run", "--yes", "--leader", "polygon1"});
    INFO(run.output);
    REQUIRE(run.status == 0);
    polygon.wait_for_members();
    REQUIRE(polygon.query(polygon.leader(), "SELECT string_agg(application_name, ',') FROM pg_stat_replication") ==
            "polygon2");
    REQUIRE(polygon.query(stand().polygon().node("polygon3"), "SHOW recovery_min_apply_delay") == "1h");

    const Ended verified = run_operator({"verify", "--json"});
    INFO(verified.output);
    REQUIRE(verified.status == 0);
    const std::string stored =
        require(
            support::RebuildView(stand().polygon()).value(support::RebuildView(stand().polygon()).keys().certificate()))
            .value();
    const json certificate = json::parse(stored);
    const json third = find_check(certificate, "replica polygon3");
    REQUIRE(third.at("holds") == true);
    REQUIRE_THAT(third.at("detail").get<std::string>(), ContainsText("streaming from polygon2"));
    REQUIRE_THAT(third.at("detail").get<std::string>(), ContainsText("its replay is held back"));
    REQUIRE_THAT(find_check(certificate, "superuser login").at("detail").get<std::string>(), ContainsText("/sockets:"));
    // The same where the data is.
    REQUIRE(polygon.query(polygon.leader(), "SELECT certificate->>'verified_at' FROM polygon.refresh") ==
            certificate.at("verified_at").get<std::string>());
    REQUIRE(require(fs::read_file(polygon.leader().directory() / "data.certificate.json")) == stored);

    // What would fail after the stop is found before it.
    polygon.put_into_hba(polygon.leader(), "host replication replicator 127.0.0.1/32 reject\n");
    const Ended refused = run_operator({"plan"});
    INFO(refused.output);
    REQUIRE(refused.status == exit_status(Errc::refused));
    REQUIRE_THAT(refused.output, ContainsText(fmt::format("cannot log in as replication ('replicator') at {}",
                                                          polygon.leader().name())));
    REQUIRE_THAT(refused.output, ContainsText("host replication \"replicator\" 127.0.0.1/32 scram-sha-256"));
    polygon.give_back();
    require_all_proofs();
}

}  // namespace
}  // namespace polygon::e2e
