#include "common/patroni/rest.h"

#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::patroni {
namespace {

using http::answer;
using http::Received;
using http::TestServer;

TEST_CASE("reads the cluster, a lag as a number or not known") {
    TestServer server([](const Received&) {
        return answer(200,
                      R"({"members":[{"name":"a","role":"leader","state":"running","api_url":"http://a:8008/patroni",)"
                      R"("host":"a","port":5432,"timeline":2},)"
                      R"({"name":"b","role":"replica","state":"running","lag":16},)"
                      R"({"name":"c","role":"replica","state":"stopped","lag":"unknown"}],"pause":true})");
    });
    const auto cluster = RestClient({}).read_cluster(server.url() + "/patroni");
    REQUIRE(cluster.has_value());
    CHECK(server.received()[0].target == "/cluster");
    REQUIRE(cluster->members.size() == 3);
    CHECK(cluster->members[0].name == "a");
    CHECK(cluster->members[0].role == "leader");
    CHECK(cluster->members[0].api_url == "http://a:8008/patroni");
    CHECK(cluster->members[0].host == "a");
    CHECK(cluster->members[0].port == 5432);
    CHECK(cluster->members[0].timeline == 2U);
    CHECK_FALSE(cluster->members[0].lag_bytes.has_value());
    CHECK(cluster->members[1].lag_bytes == 16);
    CHECK_FALSE(cluster->members[2].lag_bytes.has_value());
}

TEST_CASE("reads a node, also from a 503") {
    int status = 200;
    TestServer server([&](const Received&) {
        return answer(status, R"({"state":"running","role":"master","server_version":150004,"timeline":2,)"
                              R"("database_system_identifier":"757","patroni":{"version":"3.0.2","scope":"main"}})");
    });
    for (const int each : {200, 503}) {
        status = each;
        const auto node = RestClient({}).read_node(server.url());
        REQUIRE(node.has_value());
        CHECK(node->state == "running");
        CHECK(node->role == "master");
        CHECK(node->server_version == 150004);
        CHECK(node->timeline == 2U);
        CHECK(node->database_system_identifier == "757");
        CHECK(node->scope == "main");
        CHECK(node->patroni_version == "3.0.2");
    }
    CHECK(server.received()[0].target == "/patroni");
}

TEST_CASE("a node says whom it sends to and whether it receives") {
    TestServer server([](const Received&) {
        return answer(200, R"({"state":"running","role":"replica","replication_state":"streaming","replication":[)"
                           R"({"application_name":"a","state":"streaming"},{"application_name":"b","state":"catchup"},)"
                           R"({"application_name":"pg_basebackup","state":"backup"},7]})");
    });
    const auto node = RestClient({}).read_node(server.url());
    REQUIRE(node.has_value());
    CHECK(node->streaming_to == std::vector<std::string>{"a"});
    CHECK(node->replication_state == "streaming");
}

TEST_CASE("a node that is not running says little") {
    TestServer server([](const Received&) { return answer(200, R"({"state":"stopped","role":"uninitialized"})"); });
    const auto node = RestClient({}).read_node(server.url());
    REQUIRE(node.has_value());
    CHECK_FALSE(node->server_version.has_value());
    CHECK_FALSE(node->timeline.has_value());
    CHECK(node->database_system_identifier.empty());
}

TEST_CASE("asks for a reinitialisation as told, with name and password") {
    TestServer server([](const Received&) { return answer(200, "reinitialize started"); });
    RestClient client({.auth = http::BasicAuth{"user", Secret("word")}});
    CHECK(client.reinitialize(server.url() + "/patroni", {.running_task = RunningTask::cancel}).has_value());
    CHECK(client.reinitialize(server.url(), {.running_task = RunningTask::leave}).has_value());
    const auto received = server.received();
    CHECK(received[0].method == "POST");
    CHECK(received[0].target == "/reinitialize");
    CHECK(received[0].body == R"({"force":true})");
    CHECK(received[0].headers.at("authorization") == "Basic dXNlcjp3b3Jk");
    CHECK(received[1].body == R"({"force":false})");
}

TEST_CASE("wakes by a patch that changes nothing") {
    TestServer server([](const Received&) { return answer(200, "{}"); });
    CHECK(RestClient({}).wake(server.url() + "/patroni").has_value());
    const auto received = server.received();
    CHECK(received[0].method == "PATCH");
    CHECK(received[0].target == "/config");
    CHECK(received[0].body == R"({"polygon_role_change_wakes":null})");
}

TEST_CASE("a refusal has Patroni's own text, and a hint where we know one") {
    int status = 503;
    std::string text = "I am the leader, can not reinitialize";
    TestServer server([&](const Received&) { return answer(status, text); });
    RestClient client({});
    const auto busy = client.reinitialize(server.url(), {});
    REQUIRE_FALSE(busy.has_value());
    CHECK(busy.error().code == Errc::rest_refused);
    CHECK(busy.error().message ==
          "'" + server.url() + "/reinitialize' answered 503: I am the leader, can not reinitialize");
    CHECK(busy.error().hint.empty());
    CHECK(busy.error().retry == Retry::safe);
    status = 401;
    text = "no auth header received\n";
    const auto unknown = client.reinitialize(server.url(), {});
    REQUIRE_FALSE(unknown.has_value());
    CHECK(unknown.error().message == "'" + server.url() + "/reinitialize' answered 401: no auth header received");
    CHECK(unknown.error().hint == "Check restapi.authentication, which has to be the same on every node.");
    CHECK(unknown.error().retry == Retry::no);
    status = 403;
    CHECK(client.reinitialize(server.url(), {}).error().hint ==
          "Check restapi.allowlist and restapi.verify_client of that node.");
}

TEST_CASE("an answer without members or JSON is refused") {
    TestServer server([](const Received&) { return answer(200, "<html>"); });
    RestClient client({});
    CHECK(client.read_cluster(server.url()).error().message == "'" + server.url() + "/cluster' answered 200: <html>");
    CHECK(client.read_node(server.url()).error().message == "'" + server.url() + "/patroni' answered 200: <html>");
}

TEST_CASE("nobody there is no refusal") {
    const auto failed = RestClient({}).read_node("http://" + http::dead_host() + "/patroni");
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::http_unavailable);
}

}  // namespace
}  // namespace polygon::patroni
