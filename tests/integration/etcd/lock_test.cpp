#include "common/etcd/lock.h"

#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

constexpr auto kLongest = 60s;
constexpr auto kTtl = 3s;  // etcd grants no less than 2 s
const std::string kKey = "/service/main.polygon/lock";

Result<std::unique_ptr<Lock>> take(const Server& server, const std::string& holder, std::chrono::seconds ttl = kTtl) {
    return Lock::acquire({.urls = {server.url()}}, kKey, holder, ttl, system_clock());
}

template <class Condition>
bool comes_true(Condition&& condition) {
    return wait_until(system_clock(), Deadline(system_clock(), kLongest), 50ms, condition);
}

bool holds(Client& client, const Compare& compare) {
    const auto outcome = client.commit({.compares = {compare}});
    REQUIRE(outcome.has_value());
    return outcome->succeeded;
}

// For what has to stay as it is: there is no condition to wait for.
void pass(std::chrono::milliseconds duration) {
    system_clock().sleep(duration);
}

TEST_CASE("a lock is refused to the second, who learns who has it, and is free at once after the first") {
    const Server server;
    Client client({.urls = {server.url()}});
    {
        const auto first = take(server, "rebuild on a");
        REQUIRE(first.has_value());
        CHECK((*first)->is_held());
        CHECK(holds(client, (*first)->is_mine()));
        CHECK((*client.read(kKey))->lease == (*first)->lease());
        const auto second = take(server, "rebuild on b");
        REQUIRE_FALSE(second.has_value());
        CHECK(second.error().code == Errc::conflict);
        CHECK(second.error().message == "etcd's key '" + kKey + "' is held by 'rebuild on a'");
        CHECK(second.error().hint == "Wait until it has ended. If it is dead, its key goes within 3 s.");
        CHECK((*client.read(kKey))->value == "rebuild on a");
    }
    CHECK_FALSE(client.read(kKey)->has_value());
    CHECK(take(server, "rebuild on b").has_value());
}

TEST_CASE("a lock is kept for longer than its lease, and its holder is not waited for when he lets go") {
    const Server server;
    // A third of this is longer than the test may take.
    {
        const auto patient = take(server, "patient", 600s);
        REQUIRE(patient.has_value());
    }
    const auto lock = take(server, "busy");
    REQUIRE(lock.has_value());
    Client client({.urls = {server.url()}});
    pass(2 * kTtl + 1s);
    CHECK((*lock)->is_held());
    CHECK(holds(client, (*lock)->is_mine()));
}

TEST_CASE("a lock whose holder has died without a word becomes free by itself") {
    const Server server;
    Client client({.urls = {server.url()}});
    const auto lease = client.grant_lease(kTtl);  // as acquire() takes it, but nobody keeps it
    REQUIRE(lease.has_value());
    REQUIRE(client.commit({.then = {put(kKey, "the dead", lease->id)}})->succeeded);
    CHECK(take(server, "heir").error().message == "etcd's key '" + kKey + "' is held by 'the dead'");
    CHECK(comes_true([&] { return take(server, "heir").has_value(); }));
}

TEST_CASE("a lease that was revoked behind the holder's back is a lost lock") {
    const Server server;
    Client client({.urls = {server.url()}});
    const auto lock = take(server, "robbed");
    REQUIRE(lock.has_value());
    REQUIRE(client.revoke_lease((*lock)->lease()).has_value());
    CHECK_FALSE(holds(client, (*lock)->is_mine()));
    CHECK(comes_true([&] { return !(*lock)->is_held(); }));
}

TEST_CASE("etcd gone for longer than the lease loses the lock for good, and the next one fences the first off") {
    Server server;
    const auto first = take(server, "first");
    REQUIRE(first.has_value());
    const Compare mine = (*first)->is_mine();
    server.stop();
    CHECK(comes_true([&] { return !(*first)->is_held(); }));
    server.start();
    Client client({.urls = {server.url()}});
    // etcd gives every lease its whole time again when it starts.
    Result<std::unique_ptr<Lock>> second = take(server, "second");
    CHECK(comes_true([&] {
        if (!second) second = take(server, "second");
        return second.has_value();
    }));
    CHECK((*second)->is_held());
    CHECK_FALSE((*first)->is_held());
    CHECK_FALSE(holds(client, mine));
    CHECK(holds(client, (*second)->is_mine()));
}

TEST_CASE("etcd gone for less than the lease leaves the lock where it is") {
    Server server;
    // So long that a slow machine does not make it a matter of chance; its third has to pass for the keeper to notice.
    const auto lock = take(server, "patient", 15s);
    REQUIRE(lock.has_value());
    server.stop();
    pass(6s);
    server.start();
    Client client({.urls = {server.url()}});
    pass(10s);
    CHECK((*lock)->is_held());
    CHECK(holds(client, (*lock)->is_mine()));
}

TEST_CASE("a lock that cannot be asked for is etcd's error, not a conflict") {
    const auto failed = Lock::acquire({.urls = {"http://" + http::dead_host()}}, kKey, "nobody", kTtl, system_clock());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::etcd_unavailable);
}

}  // namespace
}  // namespace polygon::etcd
