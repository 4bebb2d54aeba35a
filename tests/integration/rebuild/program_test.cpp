// The program itself, as an operator calls it; the nodes are played.
#include <csignal>

#include <nlohmann/json.hpp>

#include "tests/integration/rebuild/desk.h"

namespace polygon::rebuild {
namespace {

using etcd::Phase;

// Of the keys that are ours but the agents' and what goes with a lease.
bool is_untouched(PlayedPolygon& polygon) {
    return polygon.phase().empty() && !polygon.get(polygon.rebuild_keys().plan()) &&
           polygon.get(kPrefix + "initialize") == kOldSystem;
}

TEST_CASE("plan asks every node and changes nothing") {
    Desk desk;
    const Ended table = desk.run({"plan"});
    INFO(table.text);
    CHECK(table.status == 0);
    CHECK_THAT(table.text, ContainsText("node polygon1      replica -> leader, PostgreSQL 15"));
    CHECK_THAT(table.text, ContainsText("expected outage    about 10 s, not measured here yet"));
    CHECK(is_untouched(desk.polygon()));
    CHECK_FALSE(desk.polygon().get(desk.polygon().rebuild_keys().preflight()).has_value());
    const Ended json = desk.run({"plan", "--json", "--leader", "polygon3", "--log-level", "error"});
    CHECK(nlohmann::json::parse(json.text).at("leader") == "polygon3");
}

TEST_CASE("what cannot be rebuilt is refused, and nothing has changed") {
    Desk desk;
    PlayedPolygon& polygon = desk.polygon();
    const auto refused = [&](const std::vector<std::string>& arguments, const std::string& message) {
        const Ended ended = desk.run(arguments);
        INFO(ended.text);
        CHECK(ended.status == exit_status(Errc::refused));
        CHECK_THAT(ended.text, ContainsText(message));
        CHECK_THAT(ended.text, ContainsText("HINT: "));
        CHECK(is_untouched(polygon));
    };
    SECTION("nobody agrees") {
        refused({"run"}, "nobody is at a terminal to agree");
    }
    SECTION("a paused cluster") {
        polygon.put(kPrefix + "config", R"({"pause":true})");
        refused({"run", "--yes"}, "the cluster is paused");
    }
    SECTION("a member without an agent") {
        polygon.lose("polygon3");
        refused({"run", "--yes"}, "member 'polygon3' runs no agent");
    }
    SECTION("no agents at all") {
        for (const char* member : {"polygon1", "polygon2", "polygon3"})
            polygon.lose(member);
        refused({"run", "--yes"}, "no node of '/service/polygon/' runs an agent");
    }
    SECTION("a source that nobody can read") {
        polygon.report("", "no backup in /backups");
        refused({"run", "--yes"}, "cannot restore the backup: no backup in /backups");
    }
    SECTION("an unknown leader") {
        refused({"run", "--yes", "--leader", "polgon1"}, "no member 'polgon1'");
    }
    SECTION("nothing to abort, to resume or to roll back") {
        for (const char* command : {"abort", "resume", "rollback"})
            refused({command}, "no rebuild of '/service/polygon/' is under way");
    }
}

TEST_CASE("a configuration of production's is refused before anybody is asked") {
    Desk desk;
    desk.write_configuration("");
    for (const char* command : {"run", "plan", "resume", "rollback", "abort"}) {
        const Ended ended = desk.run({command});
        CHECK(ended.status == exit_status(Errc::configuration));
        CHECK_THAT(ended.text, ContainsText("this is no polygon's"));
    }
}

TEST_CASE("a node that the leader keeps out is refused before anything is stopped, with the line that is missing") {
    Desk desk;
    desk.polygon().refuse_logins("no pg_hba.conf entry for replication");
    for (const std::vector<std::string>& arguments : {std::vector<std::string>{"plan"}, {"run", "--yes"}}) {
        const Ended ended = desk.run(arguments);
        INFO(ended.text);
        CHECK(ended.status == exit_status(Errc::refused));
        CHECK_THAT(ended.text, ContainsText("'polygon1' cannot log in as replication ('replicator') at polygon2 "
                                            "(10.0.0.2:5432): no pg_hba.conf entry for replication"));
        CHECK_THAT(ended.text, ContainsText("host replication \"replicator\" 10.0.0.1/32 scram-sha-256 (on polygon2)"));
        CHECK(is_untouched(desk.polygon()));
    }
}

TEST_CASE("verify asks the nodes, prints their certificate, and has the leader keep it") {
    Desk desk;
    const Ended ended = desk.run({"verify"});
    INFO(ended.text);
    CHECK(ended.status == 0);
    CHECK_THAT(ended.text, ContainsText("ok   replica polygon3"));
    CHECK_THAT(ended.text, ContainsText("ok   generation"));
    CHECK_THAT(ended.text, !ContainsText("has not kept"));
    CHECK_FALSE(desk.polygon().get(desk.polygon().rebuild_keys().proof()).has_value());
    CHECK(desk.polygon().get(desk.polygon().rebuild_keys().certificate()).has_value());
    CHECK(is_untouched(desk.polygon()));
}

TEST_CASE("verify says what does not hold, and is refused without agents and during a rebuild") {
    Desk desk;
    desk.polygon().find_wrong("still in recovery");
    const Ended wrong = desk.run({"verify", "--json"});
    INFO(wrong.text);
    CHECK(wrong.status == exit_status(Errc::not_proven));
    CHECK_THAT(wrong.text, ContainsText("not proven: leader: still in recovery"));
    for (const char* member : {"polygon1", "polygon2", "polygon3"})
        desk.polygon().lose(member);
    const Ended unasked = desk.run({"verify"});
    CHECK(unasked.status == exit_status(Errc::refused));
    CHECK_THAT(unasked.text, ContainsText("runs an agent that could prove anything"));
    desk.polygon().begin();
    desk.polygon().hold(Phase::stage);
    process::Child run = desk.start({"run", "--yes"});
    desk.play(run, [&] { return desk.polygon().phase() == "stage"; });
    process::Child verify = support::require(
        process::Child::start({.argv = desk.command({"verify"}), .output_file = desk.output().string() + ".verify"}));
    CHECK(desk.play(verify, [] { return false; }) == exit_status(Errc::refused));
    desk.polygon().hold(std::nullopt);
    CHECK(desk.finish(run).status == 0);
}

TEST_CASE("the newest backup again is nothing to do") {
    Desk desk;
    desk.polygon().put(
        desk.polygon().rebuild_keys().generation(),
        etcd::to_json(etcd::Generation{.generation = "g", .backup_label = "monday", .backup_time = "t"}));
    const Ended ended = desk.run({"run", "--yes", "--if-newer"});
    CHECK(ended.status == exit_status(Errc::nothing_to_do));
    CHECK_THAT(ended.text, ContainsText("carries the newest backup already: 'monday' of t"));
    CHECK(is_untouched(desk.polygon()));
}

TEST_CASE("the metrics are written whatever came of it") {
    Desk desk;
    SECTION("nothing to do") {
        desk.polygon().put(
            desk.polygon().rebuild_keys().generation(),
            etcd::to_json(etcd::Generation{.generation = "g", .backup_label = "monday", .backup_time = "t"}));
        static_cast<void>(desk.run({"run", "--yes", "--if-newer", "--metrics", desk.metrics().string()}));
    }
    SECTION("refused") {
        static_cast<void>(desk.run({"run", "--metrics", desk.metrics().string()}));
    }
    CHECK_THAT(fs::read_file(desk.metrics()).value_or(""),
               ContainsText("polygon_rebuild_in_progress{scope=\"polygon\"} 0\n"));
    CHECK(is_untouched(desk.polygon()));
}

TEST_CASE("a setting that only the nodes read is refused where it would count for nothing") {
    Desk desk;
    for (const char* command : {"run", "plan", "rollback", "status"}) {
        const Ended ended = desk.run({command, "--set", "source.directory=/elsewhere"});
        CHECK(ended.status == exit_status(Errc::usage));
        CHECK_THAT(ended.text, ContainsText("--set source.directory has no effect here: set it on the nodes"));
    }
    CHECK(desk.run({"plan", "--set", "replicas=staged"}).status == 0);
    CHECK(is_untouched(desk.polygon()));
}

TEST_CASE("a signal before the beginning is told by the status, and nothing was begun") {
    Desk desk;
    for (const char* command : {"run", "plan"}) {
        process::Child child = desk.start({command});
        // Nobody answers: it goes on asking.
        REQUIRE(wait_until(system_clock(), Deadline(system_clock(), kLongest), 20ms,
                           [&] { return desk.polygon().get(desk.polygon().rebuild_keys().preflight()).has_value(); }));
        child.signal(SIGTERM);
        std::optional<int> status;
        REQUIRE(wait_until(system_clock(), Deadline(system_clock(), kLongest), 20ms, [&] {
            status = child.poll();
            return status.has_value();
        }));
        CHECK(*status == 128 + SIGTERM);
        CHECK_THAT(desk.text(), ContainsText("HINT: Nothing was begun."));
        CHECK(is_untouched(desk.polygon()));
    }
}

TEST_CASE("a failed stage rolls back: status, history, metrics and status say so") {
    Desk desk;
    desk.polygon().fail_in("polygon1", Phase::stage);
    const Ended ended = desk.run({"run", "--yes", "--metrics", desk.metrics().string()});
    INFO(ended.text);
    CHECK(ended.status == exit_status(Errc::rolled_back));
    CHECK_THAT(ended.text, ContainsText("was rolled back, and the polygon is what it was: phase stage failed on "
                                        "polygon1: as was wanted"));
    CHECK(desk.polygon().phase() == "rolled-back");
    CHECK(desk.polygon().get(kPrefix + "initialize") == kOldSystem);
    const std::string metrics = fs::read_file(desk.metrics()).value_or("");
    CHECK_THAT(metrics, ContainsText("polygon_last_rebuild_success{"));
    CHECK_THAT(metrics, ContainsText("outcome=\"rolled back\"} 0\n"));
    CHECK_THAT(metrics, ContainsText("polygon_rebuild_in_progress{scope=\"polygon\"} 0\n"));
    CHECK_THAT(desk.run({"history"}).text, ContainsText("rolled back  staged"));
    CHECK_THAT(desk.run({"status"}).text, ContainsText("rebuild      none under way"));
    const auto status = nlohmann::json::parse(desk.run({"status", "--json"}).text);
    CHECK(status.at("phase").at("phase") == "rolled-back");
    CHECK(status.at("nodes").size() == 3);
    CHECK(status.at("last").at("outcome") == "rolled back");
}

TEST_CASE("after the end a rollback wants the old data kept on every node, and nobody who came later") {
    Desk desk;
    desk.polygon().keep_previous();
    const etcd::Plan plan{.generation = "g-new",
                          .leader = "polygon2",
                          .system_identifier = kOldSystem,
                          .mode = etcd::Mode::staged,
                          .members = {"polygon1", "polygon2", "polygon3"}};
    const etcd::RebuildKeys& keys = desk.polygon().rebuild_keys();
    desk.polygon().put(keys.plan(), etcd::to_json(plan));
    desk.polygon().put(keys.phase(), etcd::to_json(etcd::PhaseRecord{.generation = "g-new", .phase = Phase::replicas}));
    desk.polygon().step();
    desk.polygon().put(keys.phase(), etcd::to_json(etcd::PhaseRecord{.generation = "g-new", .phase = Phase::done}));
    desk.polygon().put(keys.saved("g-new", "initialize"), kOldSystem);
    const Ended unkept = desk.run({"rollback"});
    CHECK(unkept.status == exit_status(Errc::refused));
    CHECK_THAT(unkept.text, ContainsText("no way back from generation 'g-new': not every node has kept the data"));
    desk.polygon().put(kPrefix + "members/late", R"({"state":"running"})");
    const Ended strange = desk.run({"rollback", "--set", "staging.previous=keep"});
    CHECK(strange.status == exit_status(Errc::refused));
    CHECK_THAT(strange.text, ContainsText("member 'late' has come after the rebuild"));
    desk.polygon().remove(kPrefix + "members/late");
    const Ended back = desk.run({"rollback", "--set", "staging.previous=keep"});
    INFO(back.text);
    CHECK(back.status == 0);
    CHECK(desk.polygon().phase() == "rolled-back");
}

// A rebuild that stays in this phase.
process::Child run_until(Desk& desk, Phase phase) {
    desk.polygon().hold(phase);
    process::Child child = desk.start({"run", "--yes"});
    const auto status = desk.play(child, [&] { return desk.polygon().phase() == etcd::to_text(phase); });
    INFO(desk.text());
    REQUIRE_FALSE(status.has_value());
    return child;
}

TEST_CASE("a second coordinator is refused while one is at work") {
    Desk desk;
    process::Child first = run_until(desk, Phase::replicas);
    process::Child second = desk.start({"run", "--yes"});
    const Ended ended = desk.finish(second);
    CHECK(ended.status == exit_status(Errc::conflict));
    CHECK_THAT(ended.text, ContainsText("another coordinator is at work"));
    CHECK_THAT(ended.text, ContainsText("held by 'polygon-rebuild run on "));
    CHECK(desk.polygon().phase() == "replicas");
}

TEST_CASE("a coordinator that was killed is followed by a run that is refused, and a rollback that goes back") {
    Desk desk;
    { process::Child first = run_until(desk, Phase::replicas); }
    desk.polygon().remove(desk.polygon().rebuild_keys().lock());  // its lease ends by itself, later
    const Ended again = desk.run({"run", "--yes"});
    CHECK(again.status == exit_status(Errc::refused));
    CHECK_THAT(again.text, ContainsText("is under way (phase replicas)"));
    CHECK_THAT(again.text, ContainsText("HINT: polygon-rebuild resume goes on with it"));
    const Ended late = desk.run({"abort"});
    CHECK(late.status == exit_status(Errc::refused));
    CHECK_THAT(late.text, ContainsText("cannot be aborted any more"));
    CHECK_THAT(desk.run({"status"}).text, ContainsText("none: polygon-rebuild resume goes on"));
    const Ended back = desk.run({"rollback"});
    INFO(back.text);
    CHECK(back.status == 0);
    CHECK_THAT(back.text, ContainsText("was rolled back: rolled back on request"));
    CHECK(desk.polygon().phase() == "rolled-back");
    CHECK(desk.polygon().get(kPrefix + "history") == "[[1,2]]");
}

TEST_CASE("a rollback asks the coordinator that is at work, and both say what came of it") {
    Desk desk;
    process::Child first = run_until(desk, Phase::replicas);
    std::filesystem::rename(desk.output(), desk.output().string() + ".first");
    process::Child second = desk.start({"rollback"});
    const Ended ended = desk.finish(second);
    INFO(ended.text);
    CHECK(ended.status == 0);
    CHECK_THAT(ended.text, ContainsText("asking the coordinator that is at work"));
    CHECK(desk.finish(first).status == exit_status(Errc::rolled_back));
    CHECK(desk.polygon().phase() == "rolled-back");
}

TEST_CASE("SIGTERM detaches once the polygon was stopped, and says how to go on") {
    Desk desk;
    process::Child child = run_until(desk, Phase::replicas);
    child.signal(SIGTERM);
    const Ended ended = desk.finish(child);
    CHECK(ended.status == 128 + SIGTERM);
    CHECK_THAT(ended.text, ContainsText("detached; polygon-rebuild resume goes on with the rebuild"));
    CHECK(desk.polygon().phase() == "replicas");
    CHECK_FALSE(desk.polygon().get(desk.polygon().rebuild_keys().lock()).has_value());
}

TEST_CASE("SIGTERM before that aborts") {
    Desk desk;
    process::Child child = run_until(desk, Phase::stage);
    child.signal(SIGTERM);
    const Ended ended = desk.finish(child);
    INFO(ended.text);
    CHECK(ended.status == 128 + SIGTERM);
    CHECK_THAT(ended.text, ContainsText("was rolled back, and the polygon is what it was: aborted on request"));
    CHECK(desk.polygon().phase() == "rolled-back");
}

}  // namespace
}  // namespace polygon::rebuild
