#include "common/etcd/client.h"

#include "common/http/client.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

// One server for the tests that each keep to a prefix of their own.
const std::string& shared_url() {
    static const Server server;
    return server.url();
}

Client shared_client() {
    return Client({.urls = {shared_url()}});
}

bool holds(Client& client, const Compare& compare) {
    const auto outcome = client.commit({.compares = {compare}});
    REQUIRE(outcome.has_value());
    return outcome->succeeded;
}

void store(Client& client, const std::string& key, const std::string& value, LeaseId lease = kNoLease) {
    const auto outcome = client.commit({.then = {put(key, value, lease)}});
    REQUIRE(outcome.has_value());
    REQUIRE(outcome->succeeded);
}

TEST_CASE("reads a prefix in the order of its keys, and nothing beside it") {
    Client client = shared_client();
    store(client, "/range/b", "2");
    store(client, "/range/a", std::string("\0\xff", 2));
    store(client, "/range/c", "");
    store(client, "/range0", "beside");
    const auto snapshot = client.read_prefix("/range/");
    REQUIRE(snapshot.has_value());
    REQUIRE(snapshot->entries.size() == 3);
    CHECK(snapshot->entries[0].key == "/range/a");
    CHECK(snapshot->entries[0].value == std::string("\0\xff", 2));
    CHECK(snapshot->entries[1].key == "/range/b");
    CHECK(snapshot->entries[2].value.empty());
    CHECK(snapshot->entries[2].version == 1);
    CHECK(snapshot->entries[2].mod_revision + 1 == snapshot->revision);
    CHECK(client.read_prefix("/nothing/")->entries.empty());
    CHECK(client.read_prefix("")->entries.size() >= 4);
}

TEST_CASE("reads one key, or that it is not there") {
    Client client = shared_client();
    store(client, "/one", "1");
    store(client, "/one", "2");
    const auto found = client.read("/one");
    REQUIRE(found.has_value());
    REQUIRE(found->has_value());
    CHECK((*found)->value == "2");
    CHECK((*found)->version == 2);
    const auto missing = client.read("/one/");
    REQUIRE(missing.has_value());
    CHECK_FALSE(missing->has_value());
}

TEST_CASE("each compare holds where it should and fails where it should") {
    Client client = shared_client();
    store(client, "/compare/here", "x");
    store(client, "/compare/empty", "");
    const auto revision = (*client.read("/compare/here"))->mod_revision;
    CHECK(holds(client, exists("/compare/here")));
    CHECK_FALSE(holds(client, exists("/compare/gone")));
    CHECK(holds(client, absent("/compare/gone")));
    CHECK_FALSE(holds(client, absent("/compare/here")));
    CHECK(holds(client, mod_revision_is("/compare/here", revision)));
    CHECK_FALSE(holds(client, mod_revision_is("/compare/here", revision + 1)));
    CHECK(holds(client, value_is("/compare/here", "x")));
    CHECK_FALSE(holds(client, value_is("/compare/here", "y")));
    CHECK(holds(client, value_is("/compare/empty", "")));
    CHECK_FALSE(holds(client, value_is("/compare/here", "")));
    CHECK_FALSE(holds(client, value_is("/compare/gone", "")));
    CHECK(holds(client, prefix_absent("/compare/nobody/")));
    CHECK_FALSE(holds(client, prefix_absent("/compare/")));
    const auto seen = client.read_prefix("/compare/")->revision;
    CHECK(holds(client, prefix_unchanged_since("/compare/", seen)));
    CHECK(holds(client, prefix_unchanged_since("/compare/nobody/", seen)));
    store(client, "/compare/new", "1");
    CHECK_FALSE(holds(client, prefix_unchanged_since("/compare/", seen)));
}

TEST_CASE("a transaction does all of it or nothing") {
    Client client = shared_client();
    store(client, "/txn/a", "1");
    store(client, "/txn/members/x", "1");
    store(client, "/txn/members/y", "1");
    const Transaction wrong{.compares = {value_is("/txn/a", "1"), absent("/txn/members/x")},
                            .then = {remove_prefix("/txn/"), put("/txn2", "done")}};
    const auto refused = client.commit(wrong);
    REQUIRE(refused.has_value());
    CHECK_FALSE(refused->succeeded);
    CHECK(client.read_prefix("/txn/")->entries.size() == 3);
    const Transaction right{.compares = {value_is("/txn/a", "1"), absent("/txn/leader")},
                            .then = {remove("/txn/a"), remove_prefix("/txn/members/"), put("/txn2", "done")}};
    const auto done = client.commit(right);
    REQUIRE(done.has_value());
    CHECK(done->succeeded);
    CHECK(client.read_prefix("/txn/")->entries.empty());
    CHECK((*client.read("/txn2"))->mod_revision == done->revision);
}

TEST_CASE("what etcd refuses is an error with etcd's text") {
    Client client = shared_client();
    const auto failed = client.commit({.then = {put("/twice", "1"), put("/twice", "2")}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::etcd_unavailable);
    CHECK(failed.error().message ==
          "etcd at '" + shared_url() + "' refused kv/txn: etcdserver: duplicate key given in txn request");
}

TEST_CASE("a lease keeps its keys while it lives and takes them along when it is revoked") {
    Client client = shared_client();
    const auto lease = client.grant_lease(600s);
    REQUIRE(lease.has_value());
    CHECK(lease->ttl >= 600s);
    store(client, "/lease/a", "1", lease->id);
    CHECK((*client.read("/lease/a"))->lease == lease->id);
    CHECK(client.keep_alive(lease->id).has_value());
    const auto left = client.remaining(lease->id);
    REQUIRE(left.has_value());
    REQUIRE(left->has_value());
    CHECK(**left > 0s);
    CHECK(client.revoke_lease(lease->id).has_value());
    CHECK_FALSE(client.read("/lease/a")->has_value());
    CHECK(client.revoke_lease(lease->id).has_value());
    CHECK_FALSE(client.remaining(lease->id)->has_value());
    const auto late = client.keep_alive(lease->id);
    REQUIRE_FALSE(late.has_value());
    CHECK(late.error().code == Errc::conflict);
    CHECK(late.error().message == "etcd lease " + std::to_string(lease->id) + " has expired");
}

TEST_CASE("a lease that nobody keeps alive takes its keys along") {
    Client client = shared_client();
    const auto lease = client.grant_lease(1s);
    REQUIRE(lease.has_value());
    store(client, "/short", "1", lease->id);
    CHECK(wait_until(system_clock(), Deadline(system_clock(), 60s), 100ms,
                     [&] { return !client.read("/short")->has_value(); }));
}

TEST_CASE("a put under a lease that is gone is a conflict, and etcd survives it") {
    Client client = shared_client();
    const auto failed = client.commit({.then = {put("/orphan", "1", 4711)}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::conflict);
    CHECK(failed.error().message ==
          "etcd at '" + shared_url() + "' refused kv/txn: etcdserver: requested lease not found");
    CHECK_FALSE(client.read("/orphan")->has_value());
}

TEST_CASE("goes on to the second endpoint when the first is dead") {
    Client client({.urls = {"http://" + http::dead_host(), shared_url()}});
    store(client, "/second", "1");
    CHECK(client.read("/second")->has_value());
}

// POSTs to etcd's administration, which the client has no need of.
void administer(const std::string& url, const std::string& method, const std::string& body) {
    http::Client client;
    const auto response = client.send(
        {.method = http::Method::post, .url = url + "/v3/auth/" + method, .body = body, .total_timeout = 30s});
    REQUIRE(response.has_value());
    INFO(response->body);
    REQUIRE(response->status == 200);
}

TEST_CASE("a user who has to log in does so, and again after etcd has forgotten the token") {
    Server server;
    administer(server.url(), "user/add", R"({"name":"root","password":"geheim"})");
    administer(server.url(), "role/add", R"({"name":"root"})");
    administer(server.url(), "user/grant", R"({"user":"root","role":"root"})");
    administer(server.url(), "user/add", R"({"name":"guest","password":"guest"})");
    // A user that is named while etcd asks for none does no harm.
    Client client({.urls = {server.url()}, .user = "root", .password = Secret("geheim")});
    store(client, "/auth", "0");
    administer(server.url(), "enable", "{}");
    store(client, "/auth", "1");
    CHECK((*client.read("/auth"))->value == "1");

    server.restart();  // simple tokens live in memory
    store(client, "/auth", "2");
    CHECK((*client.read("/auth"))->value == "2");
    server.restart();
    CHECK(client.grant_lease(60s).has_value());

    const auto anonymous = Client({.urls = {server.url()}}).read("/auth");
    REQUIRE_FALSE(anonymous.has_value());
    CHECK(anonymous.error().code == Errc::etcd_unavailable);
    CHECK(anonymous.error().message ==
          "etcd at '" + server.url() + "' refused kv/range: etcdserver: user name is empty");
    CHECK(anonymous.error().hint == "Check etcd3.username and etcd3.password, and what etcd grants to this user.");

    const auto wrong = Client({.urls = {server.url()}, .user = "root", .password = Secret("falsch")}).read("/auth");
    REQUIRE_FALSE(wrong.has_value());
    CHECK(wrong.error().message ==
          "etcd at '" + server.url() +
              "' refused kv/range: etcdserver: authentication failed, invalid user ID or password");
    CHECK(wrong.error().message.find("falsch") == std::string::npos);

    const auto guest = Client({.urls = {server.url()}, .user = "guest", .password = Secret("guest")}).read("/auth");
    REQUIRE_FALSE(guest.has_value());
    CHECK(guest.error().message == "etcd at '" + server.url() + "' refused kv/range: etcdserver: permission denied");
}

}  // namespace
}  // namespace polygon::etcd
