#include "common/etcd/client.h"

#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::etcd {
namespace {

using http::answer;
using http::Received;
using http::Reply;
using http::TestServer;

constexpr const char* kHint = "Check that etcd runs and that etcd3.hosts names it.";
constexpr const char* kEmptyRange = R"({"header":{"revision":"3"}})";
constexpr const char* kDone = R"({"header":{"revision":"4"},"succeeded":true})";
constexpr const char* kNoLeader = R"({"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14})";
constexpr const char* kTimedOut = R"({"message":"etcdserver: request timed out","code":14})";
constexpr const char* kBadToken = R"({"message":"etcdserver: invalid auth token","code":16})";

const Transaction kTransaction{.compares = {exists("a")}, .then = {remove("a")}};

TEST_CASE("a read goes on to the next endpoint when one breaks off, has no leader or is no etcd") {
    TestServer broken([](const Received&) { return Reply{"", Reply::Then::close}; });
    TestServer leaderless([](const Received&) { return answer(503, kNoLeader); });
    TestServer other([](const Received&) { return answer(404, "404 page not found"); });
    TestServer good([](const Received&) { return answer(200, kEmptyRange); });
    Client client(
        {.urls = {broken.url(), "http://" + http::dead_host(), leaderless.url(), other.url(), good.url() + "/"}});
    const auto snapshot = client.read_prefix("/service/");
    REQUIRE(snapshot.has_value());
    CHECK(snapshot->revision == 3);
    CHECK(good.received()[0].target == "/v3/kv/range");
    REQUIRE(client.read("a").has_value());
    CHECK(leaderless.received().size() == 1);  // the one that answered is asked first
}

TEST_CASE("no endpoint that answers is an error that names them all, without their passwords") {
    TestServer leaderless([](const Received&) { return answer(503, kNoLeader); });
    Client client({.urls = {leaderless.url(), leaderless.url()}});
    const auto failed = client.read("a");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::etcd_unavailable);
    CHECK(failed.error().message ==
          "etcd at '" + leaderless.url() + ", " + leaderless.url() + "' cannot serve kv/range: '" + leaderless.url() +
              "' says: etcdserver: no leader; '" + leaderless.url() + "' says: etcdserver: no leader");
    CHECK(failed.error().hint == kHint);
    CHECK(failed.error().retry == Retry::safe);
    CHECK(Client({.urls = {"http://u:geheim@h:1"}}).endpoints() == "http://h:1");
}

TEST_CASE("a transaction goes on where the first endpoint cannot have done it") {
    TestServer leaderless([](const Received&) { return answer(503, kNoLeader); });
    TestServer good([](const Received&) { return answer(200, kDone); });
    Client client({.urls = {"http://" + http::dead_host(), leaderless.url(), good.url()}});
    const auto outcome = client.commit(kTransaction);
    REQUIRE(outcome.has_value());
    CHECK(outcome->succeeded);
    CHECK(outcome->revision == 4);
}

TEST_CASE("a transaction that was sent and not answered is never sent again") {
    TestServer broken([](const Received& request) {
        return request.target == "/v3/kv/range" ? answer(200, kEmptyRange) : Reply{"", Reply::Then::close};
    });
    TestServer good([](const Received&) { return answer(200, kDone); });
    Client client({.urls = {broken.url(), good.url()}});
    REQUIRE(client.read("a").has_value());  // leaves a connection that a careless client would send it over twice
    const auto failed = client.commit(kTransaction);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::etcd_unavailable);
    CHECK_THAT(failed.error().message, ContainsText("the outcome of kv/txn sent to etcd at '" + broken.url() +
                                                    "' is unknown: cannot reach '" + broken.url() + "/v3/kv/txn': "));
    CHECK(failed.error().hint == "Read the keys that it would have changed before repeating it.");
    CHECK(failed.error().retry == Retry::no);
    CHECK(broken.received().size() == 2);
    CHECK(good.received().empty());
    CHECK(client.commit(kTransaction).has_value());  // the next one is not that endpoint's any more
    CHECK(good.received().size() == 1);
}

TEST_CASE("a transaction that timed out inside etcd has an unknown outcome") {
    TestServer slow([](const Received&) { return answer(503, kTimedOut); });
    TestServer good([](const Received&) { return answer(200, kDone); });
    Client client({.urls = {slow.url(), good.url()}});
    const auto failed = client.commit(kTransaction);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "the outcome of kv/txn sent to etcd at '" + slow.url() + "' is unknown: '" +
                                        slow.url() + "' says: etcdserver: request timed out");
    CHECK(good.received().empty());
}

TEST_CASE("a user's token is taken once, sent without Bearer and renewed once when it is refused") {
    int taken = 0;
    TestServer server([&](const Received& request) {
        if (request.target == "/v3/auth/authenticate") {
            return answer(200, R"({"header":{},"token":"t)" + std::to_string(++taken) + R"("})");
        }
        const bool is_refused = request.headers.at("authorization") == "t1" && request.target == "/v3/kv/txn";
        return is_refused ? answer(401, kBadToken) : answer(200, kDone);
    });
    Client client({.urls = {server.url()}, .user = "patroni", .password = Secret("geheim")});
    REQUIRE(client.read("a").has_value());
    REQUIRE(client.commit(kTransaction).has_value());
    const auto received = server.received();
    REQUIRE(received.size() == 5);
    CHECK(received[0].body == R"({"name":"patroni","password":"geheim"})");
    CHECK(received[0].headers.count("authorization") == 0);
    CHECK(received[1].headers.at("authorization") == "t1");
    CHECK(received[2].target == "/v3/kv/txn");
    CHECK(received[3].target == "/v3/auth/authenticate");
    CHECK(received[4].headers.at("authorization") == "t2");
}

TEST_CASE("a token that is refused while fresh is not renewed for ever") {
    TestServer server([](const Received& request) {
        return request.target == "/v3/auth/authenticate" ? answer(200, R"({"token":"t"})") : answer(401, kBadToken);
    });
    Client client({.urls = {server.url()}, .user = "patroni", .password = Secret("geheim")});
    const auto failed = client.read("a");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "etcd at '" + server.url() + "' refused kv/range: etcdserver: invalid auth token");
    CHECK(failed.error().hint == "Check etcd3.username and etcd3.password, and what etcd grants to this user.");
    CHECK(server.received().size() == 2);
}

TEST_CASE("a refusal that no endpoint would take back is told from one that may pass") {
    const auto has_refused = [](int status, const char* body) {
        TestServer server([&](const Received&) { return answer(status, body); });
        Client client({.urls = {server.url()}});
        CHECK_FALSE(client.commit(kTransaction).has_value());
        return client.has_refused();
    };
    CHECK(has_refused(403, R"({"message":"etcdserver: permission denied","code":7})"));
    CHECK(has_refused(429, R"({"message":"etcdserver: mvcc: database space exceeded","code":8})"));
    CHECK(has_refused(400, R"({"message":"etcdserver: too many operations in txn request","code":3})"));
    CHECK_FALSE(has_refused(401, kBadToken));
    CHECK_FALSE(has_refused(503, kTimedOut));
    CHECK_FALSE(has_refused(503, kNoLeader));
}

TEST_CASE("after an answer nothing is refused any more") {
    TestServer server([](const Received& request) {
        return request.target == "/v3/kv/txn" ? answer(403, R"({"message":"etcdserver: permission denied","code":7})")
                                              : answer(200, kEmptyRange);
    });
    Client client({.urls = {server.url()}});
    CHECK_FALSE(client.commit(kTransaction).has_value());
    CHECK(client.has_refused());
    CHECK(client.read("a").has_value());
    CHECK_FALSE(client.has_refused());
}

TEST_CASE("an answer that is not etcd's is an error") {
    TestServer server([](const Received&) { return answer(200, "hello"); });
    Client client({.urls = {server.url()}});
    const auto failed = client.read("a");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "etcd at '" + server.url() + "' answered kv/range with what is not its JSON");
    CHECK(failed.error().hint == kHint);
}

TEST_CASE("no endpoint at all is an error") {
    const auto failed = Client({}).read("a");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "etcd at '' cannot serve kv/range: no endpoint is configured");
}

}  // namespace
}  // namespace polygon::etcd
