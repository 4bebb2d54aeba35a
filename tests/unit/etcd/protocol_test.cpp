#include "common/etcd/protocol.h"

#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

TEST_CASE("the end of a prefix is its last byte that can grow, grown") {
    CHECK(end_of_prefix("/service/main/") == "/service/main0");
    CHECK(end_of_prefix("a\xff") == "b");
    CHECK(end_of_prefix("\xff\xff") == std::string(1, '\0'));
    CHECK(end_of_prefix("") == std::string(1, '\0'));
}

TEST_CASE("reads a range, numbers as strings or not there, an empty value not there") {
    const auto snapshot = read_range_answer(
        R"({"header":{"cluster_id":"1","revision":"9007199254740993"},"count":"2","kvs":[)"
        R"({"key":"YQ==","create_revision":"2","mod_revision":"5","version":"3","value":"eA==","lease":"7587848390110"},)"
        R"({"key":"Yg==","create_revision":"4","mod_revision":4,"version":"1"}]})");
    REQUIRE(snapshot.has_value());
    CHECK(snapshot->revision == 9007199254740993);
    REQUIRE(snapshot->entries.size() == 2);
    CHECK(snapshot->entries[0].key == "a");
    CHECK(snapshot->entries[0].value == "x");
    CHECK(snapshot->entries[0].create_revision == 2);
    CHECK(snapshot->entries[0].version == 3);
    CHECK(snapshot->entries[0].lease == 7587848390110);
    CHECK(snapshot->entries[1].value.empty());
    CHECK(snapshot->entries[1].mod_revision == 4);
    CHECK(snapshot->entries[1].lease == kNoLease);
}

TEST_CASE("an answer that is no answer is told from an empty one") {
    CHECK(read_range_answer(R"({"header":{}})").has_value());
    CHECK_FALSE(read_range_answer("").has_value());
    CHECK_FALSE(read_range_answer("[]").has_value());
    CHECK_FALSE(read_range_answer("<html>").has_value());
    CHECK_FALSE(read_range_answer(R"({"header":{},"kvs":[{"key":"!"}]})").has_value());
    CHECK_FALSE(read_range_answer(R"({"header":{},"kvs":[1]})").has_value());
    CHECK_FALSE(read_transaction_answer("{}").has_value());
    CHECK_FALSE(read_lease_answer(R"({"ID":"x"})").has_value());
}

TEST_CASE("a transaction that failed says so by silence") {
    CHECK_FALSE(read_transaction_answer(R"({"header":{"revision":"7"}})")->succeeded);
    CHECK(read_transaction_answer(R"({"header":{"revision":"7"},"succeeded":true})")->succeeded);
    CHECK(read_transaction_answer(R"({"header":{"revision":"7"}})")->revision == 7);
}

TEST_CASE("reads a refusal of etcd 3.4, 3.6, of a stream and of something else") {
    const Refusal old =
        read_refusal(503, R"({"error":"etcdserver: no leader","message":"etcdserver: no leader","code":14})");
    CHECK(old.code == 14);
    CHECK(old.message == "etcdserver: no leader");
    CHECK(is_surely_undone(old));
    const Refusal newer = read_refusal(401, R"({"code":16,"message":"etcdserver: invalid auth token","details":[]})");
    CHECK(newer.code == 16);
    CHECK(is_about_token(newer));
    CHECK_FALSE(is_about_endpoint(newer));
    const Refusal stream = read_refusal(404, R"({"error":{"grpc_code":5,"http_code":404,"message":"gone"}})");
    CHECK(stream.code == 5);
    CHECK(stream.message == "gone");
    const Refusal html = read_refusal(502, "<html>");
    CHECK(html.message == "HTTP status 502");
    CHECK(is_about_endpoint(html));
}

TEST_CASE("a timeout is not surely undone") {
    const Refusal timeout = read_refusal(503, R"({"message":"etcdserver: request timed out","code":14})");
    CHECK(is_about_endpoint(timeout));
    CHECK_FALSE(is_surely_undone(timeout));
}

TEST_CASE("too many requests pass, a lack of space does not") {
    const Refusal busy = read_refusal(429, R"({"message":"etcdserver: too many requests","code":8})");
    CHECK(is_about_endpoint(busy));
    CHECK(is_surely_undone(busy));
    const Refusal full = read_refusal(429, R"({"message":"etcdserver: mvcc: database space exceeded","code":8})");
    CHECK_FALSE(is_about_endpoint(full));
}

TEST_CASE("writes compares and operations as the gateway reads them") {
    const std::string text =
        write_transaction({.compares = {exists("a"), absent("a"), mod_revision_is("a", 7), value_is("a", ""),
                                        prefix_absent("a"), prefix_unchanged_since("a", 7)},
                           .then = {put("a", "x", 9), remove("a"), remove_prefix("a")}});
    CHECK(text == R"({"compare":[{"key":"YQ==","result":"GREATER","target":"VERSION","version":"0"},)"
                  R"({"key":"YQ==","result":"EQUAL","target":"VERSION","version":"0"},)"
                  R"({"key":"YQ==","mod_revision":"7","result":"EQUAL","target":"MOD"},)"
                  R"({"key":"YQ==","result":"EQUAL","target":"VALUE","value":""},)"
                  R"({"key":"YQ==","range_end":"Yg==","result":"EQUAL","target":"VERSION","version":"0"},)"
                  R"({"key":"YQ==","mod_revision":"8","range_end":"Yg==","result":"LESS","target":"MOD"}],)"
                  R"("success":[{"request_put":{"key":"YQ==","lease":"9","value":"eA=="}},)"
                  R"({"request_delete_range":{"key":"YQ=="}},)"
                  R"({"request_delete_range":{"key":"YQ==","range_end":"Yg=="}}]})");
}

}  // namespace
}  // namespace polygon::etcd
