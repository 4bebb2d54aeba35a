#include "common/patroni/cluster.h"

#include "tests/support/catch.h"

namespace polygon::patroni {
namespace {

TEST_CASE("reads what a running cluster keeps in the DCS") {
    const ClusterKeys cluster = parse_cluster(
        {{"initialize", "7575391337384217664"},
         {"leader", "node1"},
         {"config", R"({"ttl":20,"loop_wait":5,"pause":true})"},
         {"members/node2", R"({"state":"running","role":"replica","timeline":3})"},
         {"members/node1",
          R"({"conn_url":"postgres://10.0.0.1:5432/postgres","api_url":"http://10.0.0.1:8008/patroni","state":"running",)"
          R"("role":"master","version":"3.0.2","xlog_location":83886360,"timeline":3})"},
         {"status", "{}"},
         {"history", "[]"}});
    CHECK(cluster.initialize == "7575391337384217664");
    CHECK(cluster.leader == "node1");
    CHECK(cluster.has_config);
    CHECK(cluster.is_paused);
    CHECK(cluster.ttl == std::chrono::seconds(20));
    CHECK(cluster.loop_wait == std::chrono::seconds(5));
    REQUIRE(cluster.members.size() == 2);
    const MemberKey& first = cluster.members[0];
    CHECK(first.name == "node1");
    CHECK(first.api_url == "http://10.0.0.1:8008/patroni");
    CHECK(first.conn_url == "postgres://10.0.0.1:5432/postgres");
    CHECK(first.role == "master");
    CHECK(first.version == "3.0.2");
    CHECK(first.timeline == 3U);
    CHECK(first.xlog_location == 83886360U);
    CHECK(cluster.find_member("node2") == &cluster.members[1]);
    CHECK(cluster.find_member("node3") == nullptr);
    CHECK(cluster.other_keys == std::vector<std::string>{"status", "history"});
}

TEST_CASE("tells an empty initialize from none") {
    CHECK(parse_cluster({{"initialize", ""}}).initialize == "");
    const ClusterKeys nothing = parse_cluster({});
    CHECK_FALSE(nothing.initialize.has_value());
    CHECK_FALSE(nothing.leader.has_value());
    CHECK_FALSE(nothing.has_config);
    CHECK(nothing.ttl == std::chrono::seconds(30));
    CHECK(nothing.loop_wait == std::chrono::seconds(10));
}

TEST_CASE("a member that its tags keep from leading is told, as Patroni takes them") {
    const auto may_lead = [](const std::string& tags) {
        return parse_cluster({{"members/a", R"({"state":"running","tags":)" + tags + "}"}}).members[0].may_lead;
    };
    CHECK(parse_cluster({{"members/a", R"({"state":"running"})"}}).members[0].may_lead);
    const auto member = [](const std::string& tags) {
        return parse_cluster({{"members/a", R"({"state":"running","tags":)" + tags + "}"}}).members[0];
    };
    CHECK(member(R"({"replicatefrom":"b"})").replicates_from == "b");
    CHECK_FALSE(member(R"({"nostream":true})").is_streaming_wanted);
    CHECK(member(R"({"clonefrom":true})").is_clone_source);
    CHECK(member("{}").is_streaming_wanted);
    CHECK_FALSE(member("{}").is_clone_source);
    for (const char* tags : {R"({"nofailover":true})", R"({"nofailover":1})", R"({"nofailover":"yes"})",
                             R"({"failover_priority":0})", R"({"nofailover":true,"failover_priority":5})"})
        CHECK_FALSE(may_lead(tags));
    for (const char* tags : {"{}", "null", "[]", R"({"nofailover":false,"failover_priority":0})",
                             R"({"failover_priority":1})", R"({"nosync":true})"})
        CHECK(may_lead(tags));
}

TEST_CASE("a member that is not JSON, or of other types, is still a member") {
    const ClusterKeys cluster = parse_cluster({{"members/a", "junk"},
                                               {"members/b", "[1]"},
                                               {"members/c", R"({"state":5,"timeline":"x","xlog_location":-1})"},
                                               {"members/c/deeper", "{}"},
                                               {"config", "junk"}});
    REQUIRE(cluster.members.size() == 3);
    CHECK(cluster.members[2].state.empty());
    CHECK_FALSE(cluster.members[2].timeline.has_value());
    CHECK_FALSE(cluster.members[2].xlog_location.has_value());
    CHECK(cluster.has_config);
    CHECK(cluster.ttl == std::chrono::seconds(30));
    CHECK(cluster.other_keys == std::vector<std::string>{"members/c/deeper"});
}

}  // namespace
}  // namespace polygon::patroni
