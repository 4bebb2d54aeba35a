// An etcd that asks for user and password, and grants what Patroni's documentation has it grant: the cluster's keys.
#include <nlohmann/json.hpp>

#include "common/etcd/base64.h"
#include "common/etcd/lock.h"
#include "common/http/client.h"
#include "tests/integration/etcd/configured.h"
#include "tests/integration/etcd/server.h"
#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

using namespace std::chrono_literals;

constexpr const char* kUserHint = "Check etcd3.username and etcd3.password, and what etcd grants to this user.";

// What etcd answers to a POST; `token`: of a user.
http::Response post(const Server& server, const std::string& method, const std::string& body,
                    const std::string& token = {}) {
    http::Client client;
    http::Request request{
        .method = http::Method::post, .url = server.url() + "/v3/" + method, .body = body, .total_timeout = 30s};
    if (!token.empty()) request.headers.emplace_back("Authorization", token);
    const auto response = client.send(request);
    REQUIRE(response.has_value());
    return *response;
}

void administer(const Server& server, const std::string& method, const std::string& body,
                const std::string& token = {}) {
    const http::Response response = post(server, "auth/" + method, body, token);
    INFO(method << ": " << response.body);
    REQUIRE(response.status == 200);
}

std::string take_token(const Server& server, const std::string& user) {
    const auto answer = post(server, "auth/authenticate", R"({"name":")" + user + R"(","password":"geheim"})");
    return nlohmann::json::parse(answer.body).at("token");
}

// What `prefix` is granted as.
std::string permission(const std::string& role, const std::string& prefix) {
    return R"({"name":")" + role + R"(","perm":{"permType":"READWRITE","key":")" + base64_encode(prefix) +
           R"(","range_end":")" + base64_encode(end_of_prefix(prefix)) + R"("}})";
}

// Its tokens are good for a second after they were used last, and for up to another until etcd looks.
class GuardedServer : public Server {
  public:
    GuardedServer() : Server(Scheme::http, {"--auth-token-ttl=1", "--bcrypt-cost=4"}) {
        administer(*this, "role/add", R"({"name":"root"})");
        administer(*this, "role/add", R"({"name":"polygon"})");
        administer(*this, "role/grant", permission("polygon", "/service/main"));
        for (const char* user : {"root", "polygon"}) {
            administer(*this, "user/add", R"({"name":")" + std::string(user) + R"(","password":"geheim"})");
            administer(*this, "user/grant", R"({"user":")" + std::string(user) + R"(","role":")" + user + R"("})");
        }
        administer(*this, "enable", "{}");
    }
    Settings settings() const { return configured("  hosts: " + url() + "\n  username: polygon\n  password: geheim"); }
};

// Until a token that nobody uses is refused: it is not asked before, as that would keep it alive.
void let_tokens_expire(const Server& server) {
    const std::string token = take_token(server, "root");
    system_clock().sleep(4s);
    REQUIRE(post(server, "kv/range", R"({"key":"YQ=="})", token).status == 401);
}

void make_every_call(Client& client) {
    const auto lease = client.grant_lease(60s);
    REQUIRE(lease.has_value());
    CHECK(client.commit({.then = {put("/service/main/leader", "a", lease->id)}}).has_value());
    CHECK(client.keep_alive(lease->id).has_value());
    CHECK(client.remaining(lease->id)->has_value());
    CHECK(client.read("/service/main/leader")->has_value());
    CHECK(client.read_prefix("/service/main.polygon/").has_value());
    CHECK(client.revoke_lease(lease->id).has_value());
    CHECK_FALSE(client.read("/service/main/leader")->has_value());
}

TEST_CASE("a user who is granted the cluster's keys alone can do all that there is to do") {
    const GuardedServer server;
    Client client(server.settings());
    make_every_call(client);
}

TEST_CASE("an expired token is renewed, whatever the next call is") {
    const GuardedServer server;
    Client client(server.settings());
    const auto lease = client.grant_lease(600s);
    REQUIRE(lease.has_value());
    SECTION("a read") {
        let_tokens_expire(server);
        CHECK(client.read("/service/main/leader").has_value());
    }
    SECTION("a read of many") {
        let_tokens_expire(server);
        CHECK(client.read_prefix("/service/main/").has_value());
    }
    SECTION("a transaction, which is done once") {
        let_tokens_expire(server);
        CHECK(client.commit({.then = {put("/service/main/a", "1")}}).has_value());
        CHECK((*client.read("/service/main/a"))->version == 1);
    }
    SECTION("a new lease") {
        let_tokens_expire(server);
        CHECK(client.grant_lease(60s).has_value());
    }
    SECTION("a lease kept alive") {
        let_tokens_expire(server);
        CHECK(client.keep_alive(lease->id).has_value());
    }
    SECTION("a look at a lease") {
        let_tokens_expire(server);
        CHECK(client.remaining(lease->id)->has_value());
    }
    SECTION("a lease revoked") {
        let_tokens_expire(server);
        CHECK(client.revoke_lease(lease->id).has_value());
        CHECK_FALSE(client.remaining(lease->id)->has_value());
    }
}

TEST_CASE("a change of the user database does no harm to who is still granted") {
    const GuardedServer server;
    Client client(server.settings());
    make_every_call(client);
    administer(server, "user/add", R"({"name":"another","password":"x"})", take_token(server, "root"));
    make_every_call(client);
    administer(server, "user/changepw", R"({"name":"polygon","password":"geheim"})", take_token(server, "root"));
    make_every_call(client);
}

TEST_CASE("a lock lives longer than its holder's token") {
    const GuardedServer server;
    const auto lock = Lock::acquire(server.settings(), "/service/main.polygon/lock", "me", 9s, system_clock());
    REQUIRE(lock.has_value());
    let_tokens_expire(server);
    let_tokens_expire(server);
    let_tokens_expire(server);
    CHECK((*lock)->is_held());
    Client client(server.settings());
    CHECK(client.commit({.compares = {(*lock)->is_mine()}})->succeeded);
}

TEST_CASE("what the user is not granted is an error that says so, and is not tried for ever") {
    const GuardedServer server;
    Client client(server.settings());
    const auto read = client.read("/service/other/leader");
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Errc::etcd_unavailable);
    CHECK(read.error().message == "etcd at '" + server.url() + "' refused kv/range: etcdserver: permission denied");
    CHECK(read.error().hint == kUserHint);
    const auto written = client.commit({.then = {put("/service/other/leader", "a")}});
    REQUIRE_FALSE(written.has_value());
    CHECK(written.error().message == "etcd at '" + server.url() + "' refused kv/txn: etcdserver: permission denied");
    CHECK(written.error().hint == kUserHint);
    const auto lock = Lock::acquire(server.settings(), "/service/other.polygon/lock", "me", 9s, system_clock());
    REQUIRE_FALSE(lock.has_value());
    CHECK(lock.error().hint == kUserHint);
}

}  // namespace
}  // namespace polygon::etcd
