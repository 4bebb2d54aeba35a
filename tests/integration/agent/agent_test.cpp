// polygon-entrypoint against a real etcd, this test being the coordinator.
#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <optional>

#include <unistd.h>

#include "common/base/clock.h"
#include "common/postgres/bootstrap_error.h"
#include "tests/integration/agent/node.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"

namespace polygon::entrypoint {
namespace {

using namespace std::chrono_literals;
using etcd::AnswerState;
using etcd::Phase;

// Takes connections and answers nothing, while this lives: etcd, the one child of that name that this process has.
class FrozenEtcd {
  public:
    FrozenEtcd() : pid_(find()) {
        REQUIRE(pid_ > 0);
        kill(pid_, SIGSTOP);
    }
    FrozenEtcd(const FrozenEtcd&) = delete;
    FrozenEtcd& operator=(const FrozenEtcd&) = delete;
    ~FrozenEtcd() { kill(pid_, SIGCONT); }

  private:
    static pid_t find() {
        for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
            std::ifstream stat(entry.path() / "stat");
            std::string pid, name, state;
            pid_t parent = 0;
            if (stat >> pid >> name >> state >> parent && name == "(etcd)" && parent == getpid()) return std::stoi(pid);
        }
        return 0;
    }
    pid_t pid_;
};

// A cluster of two, led by `one`.
class Cluster {
  public:
    Cluster() : client_({.urls = {server_.url()}}), one_("one", server_.url()), two_("two", server_.url()) {
        put("/service/main/leader", "one");
        for (Node* node : {&one_, &two_})
            node->start();
        require([&] { return has_record(one_) && has_record(two_); });
    }

    etcd::Client& client() { return client_; }
    Node& one() { return one_; }
    Node& two() { return two_; }

    void put(const std::string& key, const std::string& value) {
        REQUIRE(client_.commit({.then = {etcd::put(key, value)}}).has_value());
    }
    void remove(const std::string& key) { REQUIRE(client_.commit({.then = {etcd::remove(key)}}).has_value()); }

    void plan(etcd::ReplicaSource replicas, etcd::Mode mode = etcd::Mode::staged) {
        put(keys().plan(),
            to_json(etcd::Plan{
                .generation = "g2", .leader = "one", .mode = mode, .members = {"one", "two"}, .replicas = replicas}));
    }
    void enter(Phase phase, int attempt = 1) {
        phase_ = {.generation = "g2", .phase = phase, .attempt = attempt};
        put(keys().phase(), to_json(phase_));
    }
    bool answers(const Node& node, AnswerState state) {
        const auto record = node.record(client_);
        return record && etcd::answers(*record, phase_, state);
    }
    // Enters the phase and waits until both have done their part.
    void pass(Phase phase) {
        enter(phase);
        require([&] { return answers(one_, AnswerState::done) && answers(two_, AnswerState::done); });
    }

    template <class Condition>
    void require(Condition&& is_so) {
        const bool was_so = wait_until(system_clock(), Deadline(system_clock(), 60s), 20ms, is_so);
        if (!was_so) std::cerr << "one:\n" << one_.log() << "two:\n" << two_.log();
        REQUIRE(was_so);
    }

  private:
    bool has_record(const Node& node) {
        const auto record = node.record(client_);
        return record && record->is_patroni_running && node.is_patroni_running();
    }

    etcd::Server server_;
    etcd::Client client_;
    Node one_;
    Node two_;
    etcd::PhaseRecord phase_;
};

TEST_CASE("a node's record stands under a lease, says what it has, and goes with its entrypoint") {
    Cluster cluster;
    const auto record = cluster.one().record(cluster.client());
    REQUIRE(record.has_value());
    CHECK(record->name == "one");
    CHECK(record->generation == "g1");
    CHECK(record->was_primary);
    CHECK(record->decision == "start: the cluster is not initialized");
    CHECK(record->free_bytes > 0);
    CHECK_FALSE(record->answer.has_value());
    const auto left = cluster.client().remaining(cluster.one().lease(cluster.client()));
    REQUIRE((left && *left));
    CHECK(**left <= 15s);
    cluster.one().let_patroni_end_with(5);
    cluster.one().signal(SIGTERM);
    CHECK(cluster.one().wait() == 5);
    CHECK_FALSE(cluster.one().record(cluster.client()).has_value());
    CHECK(cluster.two().is_patroni_running());
}

TEST_CASE("Patroni's own end ends the entrypoint with its status") {
    Cluster cluster;
    cluster.two().end_patroni(7);
    CHECK(cluster.two().wait() == 7);
}

TEST_CASE("a preflight is answered by each node with its own report") {
    Cluster cluster;
    cluster.put(keys().preflight(), R"({"id":"p1"})");
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        cluster.require([&] {
            const auto record = node->record(cluster.client());
            return record->preflight && record->preflight->id == "p1";
        });
        const auto record = node->record(cluster.client());
        CHECK(record->preflight->report == "{\"report\":\"" + node->name() + "\"}\n");
    }
    cluster.remove(keys().preflight());
    cluster.require([&] { return !cluster.one().record(cluster.client())->preflight; });
}

TEST_CASE("each node proves itself as long as somebody asks, and what it has proven goes with the question") {
    Cluster cluster;
    cluster.put(keys().proof(), to_json(etcd::ProofRequest{.id = "v1", .purpose = etcd::ProofPurpose::verify}));
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        cluster.require([&] {
            const auto record = node->record(cluster.client());
            return record->proof && record->proof->id == "v1";
        });
        CHECK(node->record(cluster.client())->proof->generation == "of " + node->name());
        CHECK_THAT(node->proofs(), ContainsText("--logins --evidence --keep-certificate"));
    }
    cluster.put(keys().proof(), R"({"id":"v2","purpose":"of a later version"})");
    cluster.require([&] { return !cluster.one().record(cluster.client())->proof; });
    cluster.remove(keys().proof());
}

TEST_CASE("a whole rebuild, the replica's copy staged too") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::staged);
    cluster.pass(Phase::stage);
    cluster.pass(Phase::copy);
    CHECK(std::filesystem::exists(cluster.two().places().staged));
    CHECK(cluster.one().patroni_starts() == 1);  // it served all the while
    cluster.pass(Phase::stop);
    CHECK_FALSE(cluster.one().is_patroni_running());
    cluster.remove("/service/main/leader");
    cluster.pass(Phase::clear);
    cluster.pass(Phase::bootstrap);
    CHECK(cluster.one().generation() == "g2");
    CHECK(cluster.two().generation() == "g1");
    cluster.put("/service/main/leader", "one");
    cluster.pass(Phase::replicas);
    CHECK(cluster.two().generation() == "g2");
    CHECK(cluster.two().record(cluster.client())->previous_for == "g2");
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        cluster.require([&] {
            const auto record = node->record(cluster.client());
            return record->proof && record->proof->id == "g2 replicas 1";
        });
    }
    cluster.pass(Phase::verify);
    cluster.require([&] {
        const auto record = cluster.one().record(cluster.client());
        return record->proof && record->proof->id == "g2 verify 1";
    });
    cluster.put(keys().generation(),
                to_json(etcd::Generation{.generation = "g2", .leader = "one", .system_identifier = "200"}));
    cluster.enter(Phase::done);
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        cluster.require([&] { return !std::filesystem::exists(node->places().previous); });
        CHECK(node->is_patroni_running());
        CHECK(node->patroni_starts() == 2);
        CHECK_FALSE(std::filesystem::exists(node->places().data.string() + ".rebuild-status.json"));
    }
    cluster.require([&] { return !cluster.one().record(cluster.client())->answer; });
}

TEST_CASE("who holds the leader key stops last") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    cluster.two().signal(SIGSTOP);  // it cannot answer
    cluster.enter(Phase::stop);
    cluster.require([&] { return cluster.answers(cluster.one(), AnswerState::working); });
    CHECK(cluster.one().record(cluster.client())->answer->activity == "waiting for the others to stop");
    CHECK(cluster.one().is_patroni_running());
    cluster.two().signal(SIGCONT);
    cluster.require([&] { return cluster.answers(cluster.one(), AnswerState::done); });
    CHECK_FALSE(cluster.one().is_patroni_running());
}

TEST_CASE("a failed bootstrap is answered, undone, and every node has its old data back") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    for (const Phase phase : {Phase::stage, Phase::stop, Phase::clear, Phase::bootstrap})
        cluster.pass(phase);
    cluster.enter(Phase::replicas);
    cluster.require([&] { return cluster.answers(cluster.two(), AnswerState::done); });
    cluster.require([&] { return cluster.one().is_patroni_running() && cluster.two().is_patroni_running(); });
    postgres::note_bootstrap_end(cluster.one().places().data, Error{Errc::not_proven, "roles locked: app is open", ""});
    cluster.one().end_patroni(1);
    cluster.require([&] { return cluster.answers(cluster.one(), AnswerState::failed); });
    CHECK(cluster.one().record(cluster.client())->answer->error ==
          "Patroni ended with status 1 in phase replicas: roles locked: app is open");
    cluster.pass(Phase::undo);
    cluster.put("/service/main/initialize", "100");
    cluster.put("/service/main/leader", "one");
    cluster.pass(Phase::restore);
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        CHECK(node->generation() == "g1");
        CHECK_FALSE(std::filesystem::exists(node->places().previous));
        CHECK_FALSE(std::filesystem::exists(node->places().data / "polygon-replaced-by"));
        cluster.require([&] { return node->is_patroni_running(); });
        CHECK(postgres::read_bootstrap_error(node->places().data).empty());
    }
    CHECK(std::filesystem::exists(cluster.one().places().staged));  // nothing is removed while the polygon is away
    cluster.enter(Phase::rolled_back);
    for (Node* node : {&cluster.one(), &cluster.two()})
        cluster.require([&] { return !std::filesystem::exists(node->places().staged); });
}

TEST_CASE("under mode in-place nothing is set aside") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader, etcd::Mode::in_place);
    for (const Phase phase : {Phase::stage, Phase::stop, Phase::clear, Phase::bootstrap, Phase::replicas})
        cluster.pass(phase);
    for (Node* node : {&cluster.one(), &cluster.two()}) {
        cluster.require([&] { return node->generation() == "g2"; });
        CHECK_FALSE(std::filesystem::exists(node->places().previous));
    }
}

// As a postmaster it works in its data directory, and ends by SIGINT.
process::Child play_postmaster(const Node& node) {
    const std::filesystem::path data = node.places().data;
    process::Child played = support::require(process::Child::start({.argv = {"sleep", "600"}, .directory = data}));
    std::ofstream(data / "postmaster.pid") << played.pid() << "\n";
    return played;
}

TEST_CASE("a postmaster that outlived its Patroni is shut down before a node says that it has stopped") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    process::Child postmaster = play_postmaster(cluster.two());
    cluster.enter(Phase::stop);
    cluster.require([&] { return postmaster.poll().has_value(); });
    CHECK(postmaster.poll() == 128 + SIGINT);
    CHECK_FALSE(cluster.two().is_patroni_running());
    cluster.require([&] { return cluster.answers(cluster.two(), AnswerState::done); });
}

TEST_CASE("a Patroni that does not end, though its server has, is killed after a minute, and the rebuild goes on") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    process::Child postmaster = play_postmaster(cluster.two());
    cluster.two().let_patroni_hang();
    cluster.enter(Phase::stop);
    cluster.require([&] {
        const auto record = cluster.two().record(cluster.client());
        return record->answer && record->answer->activity == "Patroni is stopping, and its PostgreSQL still shuts down";
    });
    CHECK(cluster.two().record(cluster.client())->shuts_down);
    const auto killed = system_clock().now();
    postmaster.signal(SIGKILL);
    cluster.require([&] { return postmaster.poll().has_value(); });
    system_clock().sleep(10s);  // what follows takes a minute, and require() does not wait longer
    cluster.require([&] { return cluster.answers(cluster.two(), AnswerState::done); });
    CHECK_FALSE(cluster.two().record(cluster.client())->shuts_down);
    CHECK(system_clock().now() - killed >= 60s);
    CHECK(cluster.two().log().find("kills Patroni") != std::string::npos);
    cluster.require([&] { return cluster.answers(cluster.one(), AnswerState::done); });
}

TEST_CASE("a phase that is given up ends the helper that is at it") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::staged);
    cluster.pass(Phase::stage);
    cluster.two().signal(SIGSTOP);  // it never copies
    cluster.enter(Phase::copy);
    cluster.require([&] { return cluster.one().record(cluster.client())->address == "10.0.0.1:40000"; });
    cluster.enter(Phase::restore);
    cluster.require([&] { return cluster.answers(cluster.one(), AnswerState::done); });
    cluster.two().signal(SIGCONT);
    cluster.require([&] { return cluster.answers(cluster.two(), AnswerState::done); });
    CHECK(cluster.one().record(cluster.client())->address.empty());
    cluster.enter(Phase::rolled_back);
    cluster.require([&] { return !std::filesystem::exists(cluster.one().places().staged); });
    CHECK(cluster.one().patroni_starts() == 1);
    CHECK(cluster.one().generation() == "g1");
}

TEST_CASE("an entrypoint that is killed goes on from what is on disk") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    for (const Phase phase : {Phase::stage, Phase::stop})
        cluster.pass(phase);
    for (const Phase phase : {Phase::clear, Phase::bootstrap, Phase::replicas}) {
        for (Node* node : {&cluster.one(), &cluster.two()}) {
            node->signal(SIGKILL);
            CHECK(node->wait() == 128 + SIGKILL);
            cluster.require([&] { return !node->is_patroni_running(); });  // it got its death signal
        }
        cluster.enter(phase);
        for (Node* node : {&cluster.one(), &cluster.two()})
            node->start();
        cluster.require([&] {
            return cluster.answers(cluster.one(), AnswerState::done) &&
                   cluster.answers(cluster.two(), AnswerState::done);
        });
    }
    for (Node* node : {&cluster.one(), &cluster.two()})
        CHECK(node->generation() == "g2");
}

TEST_CASE("a bootstrap that was cut short starts again, its empty `initialize` out of the way") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    for (const Phase phase : {Phase::stage, Phase::stop, Phase::clear})
        cluster.pass(phase);
    cluster.put("/service/main/initialize", "");  // as its Patroni had written it
    cluster.pass(Phase::bootstrap);
    CHECK_FALSE(cluster.client().read("/service/main/initialize")->has_value());
    CHECK(cluster.one().generation() == "g2");
}

TEST_CASE("an etcd that hangs changes nothing, and holds up no signal") {
    Cluster cluster;
    const etcd::LeaseId before = cluster.one().lease(cluster.client());
    std::optional<FrozenEtcd> frozen(std::in_place);
    system_clock().sleep(20s);  // longer than the lease
    CHECK(cluster.one().is_patroni_running());
    CHECK(cluster.one().patroni_starts() == 1);
    cluster.two().let_patroni_end_with(9);
    cluster.two().signal(SIGTERM);
    CHECK(cluster.two().wait() == 9);
    frozen.reset();
    cluster.require([&] {
        const etcd::LeaseId now = cluster.one().lease(cluster.client());
        return now != etcd::kNoLease && now != before;
    });
    CHECK(cluster.one().is_patroni_running());
    CHECK(cluster.one().patroni_starts() == 1);
}

TEST_CASE("a node stopped by a rebuild is not started while etcd is away") {
    Cluster cluster;
    cluster.plan(etcd::ReplicaSource::leader);
    cluster.pass(Phase::stage);
    cluster.pass(Phase::stop);
    {
        const FrozenEtcd frozen;
        system_clock().sleep(8s);
        CHECK_FALSE(cluster.one().is_patroni_running());
        CHECK_FALSE(cluster.two().is_patroni_running());
    }
    cluster.pass(Phase::restore);
    CHECK(cluster.one().patroni_starts() == 2);
    CHECK(cluster.one().generation() == "g1");
}

}  // namespace
}  // namespace polygon::entrypoint
