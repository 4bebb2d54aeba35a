// A cluster of three etcds, one of which is killed or hangs.
#include <algorithm>
#include <thread>

#include "common/etcd/client.h"
#include "common/etcd/lock.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongest = 60s;

template <class Condition>
bool comes_true(Condition&& condition) {
    return wait_until(system_clock(), Deadline(system_clock(), kLongest), 50ms, condition);
}

// All endpoints, the one at `first` to be used first.
Settings settings_of(const Cluster& cluster, std::size_t first) {
    Settings settings{.urls = cluster.urls(), .timeout = 2s};
    std::rotate(settings.urls.begin(), settings.urls.begin() + static_cast<std::ptrdiff_t>(first), settings.urls.end());
    return settings;
}

std::size_t find_follower(const Cluster& cluster) {
    return (cluster.find_leader() + 1) % 3;
}

void store(Client& client, const std::string& key) {
    const auto outcome = client.commit({.then = {put(key, "1")}});
    REQUIRE(outcome.has_value());
    REQUIRE(outcome->succeeded);
}

TEST_CASE("the endpoint in use is killed: every call goes on with another") {
    Cluster cluster;
    const std::size_t victim = find_follower(cluster);
    Client client(settings_of(cluster, victim));
    const auto lease = client.grant_lease(60s);
    REQUIRE(lease.has_value());
    store(client, "/before");
    cluster.member(victim).signal(SIGKILL);
    CHECK(client.read("/before")->has_value());
    CHECK(client.keep_alive(lease->id).has_value());
    store(client, "/after");
    CHECK(client.read_prefix("/")->entries.size() == 2);
    CHECK(client.revoke_lease(lease->id).has_value());
}

TEST_CASE("the endpoint in use hangs: what may be repeated is, elsewhere") {
    Cluster cluster;
    const std::size_t victim = find_follower(cluster);
    Client client(settings_of(cluster, victim));
    const auto lease = client.grant_lease(60s);
    REQUIRE(lease.has_value());
    cluster.member(victim).signal(SIGSTOP);
    SECTION("a read first") {
        CHECK(client.read_prefix("/").has_value());
        store(client, "/after");
    }
    SECTION("a lease first") {
        CHECK(client.keep_alive(lease->id).has_value());
        store(client, "/after");
    }
    cluster.member(victim).signal(SIGCONT);
}

TEST_CASE("the endpoint in use hangs: a transaction has an unknown outcome, and the next one goes elsewhere") {
    Cluster cluster;
    const std::size_t victim = find_follower(cluster);
    Client client(settings_of(cluster, victim));
    cluster.member(victim).signal(SIGSTOP);
    const auto failed = client.commit({.then = {put("/late", "1")}});
    REQUIRE_FALSE(failed.has_value());
    CHECK_THAT(failed.error().message,
               ContainsText("the outcome of kv/txn sent to etcd at '" + cluster.member(victim).url() + "' is unknown"));
    CHECK(failed.error().retry == Retry::no);
    store(client, "/next");
    cluster.member(victim).signal(SIGCONT);
    // If the endpoint has not done it before it hung, it may do it now, after others, or find that nobody waits.
    Client through_victim({.urls = {cluster.member(victim).url()}});
    CHECK(comes_true([&] { return through_victim.read("/next").has_value(); }));
    const auto late = client.read("/late");
    REQUIRE(late.has_value());
    CHECK((!*late || (*late)->version == 1));
}

TEST_CASE("etcd's leader hangs: reads come back once there is another, and the lock stays") {
    Cluster cluster;
    const std::size_t leader = cluster.find_leader();
    const auto lock = Lock::acquire(settings_of(cluster, leader), "/lock", "me", 20s, system_clock());
    REQUIRE(lock.has_value());
    Client client(settings_of(cluster, leader));
    cluster.member(leader).signal(SIGSTOP);
    CHECK(comes_true([&] { return client.read("/lock").has_value(); }));
    // Renewed by another: what is left grows.
    CHECK(comes_true([&] {
        const auto left = client.remaining((*lock)->lease());
        return left && *left && **left >= 18s;
    }));
    CHECK((*lock)->is_held());
    CHECK(client.commit({.compares = {(*lock)->is_mine()}})->succeeded);
    cluster.member(leader).signal(SIGCONT);
}

TEST_CASE("while endpoints hang, die and come back, no transaction is done twice") {
    Cluster cluster;
    Client client(settings_of(cluster, 0));
    std::jthread trouble([&](const std::stop_token& over) {
        for (std::size_t turn = 0; !over.stop_requested(); ++turn) {
            Member& victim = cluster.member(turn % 3);
            victim.signal(SIGSTOP);
            system_clock().sleep(700ms);  // less than an election takes, and more
            if (turn % 2 == 1) system_clock().sleep(1500ms);
            victim.signal(SIGCONT);
            system_clock().sleep(200ms);
        }
    });
    std::vector<std::string> done;
    int unknown = 0;
    const Deadline deadline(system_clock(), 20s);
    for (int number = 0; !deadline.has_passed(); ++number) {
        const std::string key = "/done/" + std::to_string(number);
        const auto outcome = client.commit({.then = {put(key, "1")}});
        if (outcome) {
            done.push_back(key);
        } else {
            CHECK(outcome.error().code == Errc::etcd_unavailable);
            unknown += outcome.error().retry == Retry::no ? 1 : 0;
        }
    }
    trouble.request_stop();
    trouble.join();
    Result<Snapshot> snapshot = client.read_prefix("/done/");
    REQUIRE(comes_true([&] { return (snapshot = client.read_prefix("/done/")).has_value(); }));
    INFO(done.size() << " done, " << unknown << " unknown, " << snapshot->entries.size() << " found");
    CHECK(snapshot->entries.size() >= done.size());
    CHECK(snapshot->entries.size() <= done.size() + static_cast<std::size_t>(unknown));
    for (const KeyValue& entry : snapshot->entries)
        CHECK(entry.version == 1);
    CHECK(done.size() > 10);
    CHECK(unknown > 0);
}

}  // namespace
}  // namespace polygon::etcd
