#include "common/http/client.h"

#include <cstdlib>

#include "tests/support/catch.h"
#include "tests/unit/http/test_server.h"

namespace polygon::http {
namespace {

using namespace std::chrono_literals;

Request patient(Request request) {
    request.connect_timeout = 20s;
    request.total_timeout = 60s;
    return request;
}

TEST_CASE("gives the status and the body, whatever the status") {
    TestServer server([](const Received& request) {
        return request.target == "/missing" ? answer(404, "not here") : answer(200, "fine");
    });
    Client client;
    const auto fine = client.send(patient({.url = server.url() + "/"}));
    REQUIRE(fine.has_value());
    CHECK(fine->status == 200);
    CHECK(fine->body == "fine");
    const auto missing = client.send(patient({.url = server.url() + "/missing"}));
    REQUIRE(missing.has_value());
    CHECK(missing->status == 404);
    CHECK(missing->body == "not here");
}

TEST_CASE("sends method, headers, body and basic authentication") {
    TestServer server([](const Received&) { return answer(200, ""); });
    Client client;
    const Request request{.method = Method::patch,
                          .url = server.url() + "/config",
                          .headers = {{"Content-Type", "application/json"}},
                          .body = R"({"a":1})",
                          .auth = BasicAuth{"user", Secret("word")}};
    REQUIRE(client.send(patient(request)).has_value());
    REQUIRE(client.send(patient({.method = Method::remove, .url = server.url() + "/x"})).has_value());
    REQUIRE(client.send(patient({.method = Method::put, .url = server.url() + "/x"})).has_value());
    const auto received = server.received();
    REQUIRE(received.size() == 3);
    CHECK(received[0].method == "PATCH");
    CHECK(received[0].target == "/config");
    CHECK(received[0].headers.at("content-type") == "application/json");
    CHECK(received[0].headers.at("authorization") == "Basic dXNlcjp3b3Jk");
    CHECK(received[0].headers.count("expect") == 0);
    CHECK(received[0].body == R"({"a":1})");
    CHECK(received[1].method == "DELETE");
    CHECK(received[1].headers.count("authorization") == 0);
    CHECK(received[2].method == "PUT");
}

TEST_CASE("reuses its connection, but not for what must be delivered once") {
    TestServer server([](const Received&) { return answer(200, ""); });
    Client client;
    REQUIRE(client.send(patient({.url = server.url()})).has_value());
    REQUIRE(client.send(patient({.url = server.url()})).has_value());
    REQUIRE(client.send(patient({.url = server.url(), .delivery = Delivery::once})).has_value());
    const auto received = server.received();
    CHECK(received[0].connection == 1);
    CHECK(received[1].connection == 1);
    CHECK(received[2].connection == 2);
}

TEST_CASE("follows no redirect") {
    TestServer server([](const Received&) {
        return Reply{"HTTP/1.1 302 Found\r\nLocation: /elsewhere\r\nContent-Length: 0\r\n\r\n"};
    });
    Client client;
    const auto response = client.send(patient({.url = server.url()}));
    REQUIRE(response.has_value());
    CHECK(response->status == 302);
    CHECK(server.received().size() == 1);
}

TEST_CASE("asks no proxy of the environment") {
    setenv("http_proxy", ("http://" + dead_host()).c_str(), 1);
    TestServer server([](const Received&) { return answer(200, "direct"); });
    Client client;
    const auto response = client.send(patient({.url = server.url()}));
    unsetenv("http_proxy");
    REQUIRE(response.has_value());
    CHECK(response->body == "direct");
}

TEST_CASE("a server that is not there is an error that names it, and nothing was sent") {
    const std::string host = dead_host();
    Client client;
    const auto failed = client.send(patient({.url = "http://" + host + "/patroni"}));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::http_unavailable);
    CHECK_THAT(failed.error().message, ContainsText("cannot reach 'http://" + host + "/patroni': Failed to connect"));
    CHECK(failed.error().hint.empty());
    CHECK(failed.error().retry == Retry::safe);
    CHECK(client.last_sent() == Sent::no);
}

TEST_CASE("a server that never answers is given up, and may have got the request") {
    TestServer server([](const Received&) { return Reply{}; });
    Client client;
    const auto failed = client.send({.url = server.url(), .total_timeout = 300ms});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::http_unavailable);
    CHECK_THAT(failed.error().message, ContainsText("cannot reach '" + server.url() + "': Operation timed out"));
    CHECK(client.last_sent() == Sent::maybe);
}

TEST_CASE("an answer that breaks off is no answer") {
    TestServer server([](const Received&) {
        return Reply{"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf", Reply::Then::close};
    });
    Client client;
    const auto failed = client.send(patient({.url = server.url()}));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::http_unavailable);
    CHECK_THAT(failed.error().message, ContainsText("cannot reach '" + server.url() + "': "));
}

TEST_CASE("a body over the limit is no answer") {
    TestServer server([](const Received&) { return answer(200, std::string(1000, 'x')); });
    Client client;
    const auto failed = client.send(patient({.url = server.url(), .largest_body_bytes = 999}));
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::http_unavailable);
    CHECK(failed.error().message == "cannot reach '" + server.url() + "': the answer is larger than 999 bytes");
    CHECK(client.send(patient({.url = server.url(), .largest_body_bytes = 1000})).has_value());
}

TEST_CASE("a connection that breaks is not asked again when delivery is once") {
    TestServer server([](const Received& request) {
        return request.target == "/first" ? answer(200, "") : Reply{"", Reply::Then::close};
    });
    Client client;
    REQUIRE(client.send(patient({.url = server.url() + "/first"})).has_value());
    const Request once{.method = Method::post, .url = server.url() + "/txn", .body = "{}", .delivery = Delivery::once};
    const auto failed = client.send(patient(once));
    REQUIRE_FALSE(failed.has_value());
    CHECK(client.last_sent() == Sent::maybe);
    CHECK(server.received().size() == 2);
}

TEST_CASE("refuses what is not http") {
    Client client;
    const auto failed = client.send({.url = "file:///etc/passwd"});
    REQUIRE_FALSE(failed.has_value());
    CHECK_THAT(failed.error().message, ContainsText("cannot reach 'file:///etc/passwd': "));
}

TEST_CASE("a password in the URL or the request is not in the message") {
    const std::string host = dead_host();
    Client client;
    const auto failed =
        client.send({.url = "http://user:geheim@" + host + "/x", .auth = BasicAuth{"user", Secret("geheim")}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message.find("geheim") == std::string::npos);
    CHECK_THAT(failed.error().message, ContainsText("cannot reach 'http://" + host + "/x': "));
}

TEST_CASE("takes user and password out of a URL, and nothing else") {
    CHECK(without_credentials("http://u:p@h:1/a") == "http://h:1/a");
    CHECK(without_credentials("http://u:p@ss@h:1") == "http://h:1");
    CHECK(without_credentials("http://h:1/a@b") == "http://h:1/a@b");
    CHECK(without_credentials("u:p@h:1") == "h:1");
    CHECK(without_credentials("h") == "h");
}

}  // namespace
}  // namespace polygon::http
