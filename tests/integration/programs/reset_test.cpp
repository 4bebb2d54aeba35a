#include <nlohmann/json.hpp>

#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

process::Finished reset(Site& site, const std::vector<std::string>& more = {},
                        const process::Environment& variables = {}) {
    std::vector<std::string> argv = {"polygon-rebuild", "reset",    "--leader",
                                     "polygon1",        "--config", site.configuration().string()};
    argv.insert(argv.end(), more.begin(), more.end());
    return site.run(argv, variables);
}

// What a stopped cluster leaves, here with a bootstrap that died.
void put_stopped_cluster(Site& site) {
    site.etcd_put("/service/polygon/config", R"({"ttl":20})");
    site.etcd_put("/service/polygon/initialize", "");
    site.etcd_put("/service/polygon/status", R"({"optime":77})");
    site.etcd_put("/service/polygon/history", "[]");
}

TEST_CASE("a reset deletes all but config, saves what it deletes, and plans a generation") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    site.etcd_put("/service/polygon2/initialize", "another cluster's");
    const process::Finished done = reset(site);
    INFO(done.out << done.err);
    REQUIRE(done.exit_status == 0);
    auto keys = site.etcd_keys();
    const auto plan = nlohmann::json::parse(keys.at("/service/polygon.polygon/plan"));
    CHECK(plan.at("leader") == "polygon1");
    const std::string saved = "/service/polygon.polygon/saved/" + plan.at("generation").get<std::string>() + "/";
    CHECK(keys.at("/service/polygon/config") == R"({"ttl":20})");
    CHECK_FALSE(keys.contains("/service/polygon/initialize"));
    CHECK_FALSE(keys.contains("/service/polygon/status"));
    CHECK(keys.at(saved + "initialize") == "");
    CHECK(keys.at(saved + "status") == R"({"optime":77})");
    CHECK(keys.at(saved + "history") == "[]");
    CHECK(keys.at("/service/polygon2/initialize") == "another cluster's");

    // Repeated, with nothing left to delete: a new plan.
    REQUIRE(reset(site).exit_status == 0);
    CHECK(nlohmann::json::parse(site.etcd_keys().at("/service/polygon.polygon/plan")).at("generation") !=
          plan.at("generation"));
}

TEST_CASE("a plan that cannot be understood is written anew") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    site.etcd_put("/service/polygon.polygon/plan", "junk");
    const process::Finished done = reset(site);
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("the value of key 'plan' cannot be understood"));
    CHECK(nlohmann::json::parse(site.etcd_keys().at("/service/polygon.polygon/plan")).at("leader") == "polygon1");
}

TEST_CASE("a dry run prints the same and changes nothing") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    const auto before = site.etcd_keys();
    const process::Finished done = reset(site, {"--dry-run"});
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.out, ContainsText("would delete  /service/polygon/status = {\"optime\":77}"));
    CHECK_THAT(done.out, ContainsText("would keep    /service/polygon/config"));
    CHECK(site.etcd_keys() == before);
}

TEST_CASE("a pause is taken out of the configuration that a reset keeps") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    site.etcd_put("/service/polygon/config", R"({"ttl":20,"pause":true,"loop_wait":3})");
    const process::Finished done = reset(site);
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.out, ContainsText("keep    /service/polygon/config, without its pause"));
    CHECK(site.etcd_keys().at("/service/polygon/config") == R"({"ttl":20,"loop_wait":3})");
}

TEST_CASE("a leader that the cluster never had is refused, with the nearest name; a repeat still knows the members") {
    Site& site = Site::shared();
    site.clear();
    site.etcd_put("/service/polygon/status", "{}");
    site.etcd_put("/service/polygon.polygon/plan",
                  R"({"generation":"g1","leader":"polgon1","requested_at":"","system_identifier":""})");
    for (const std::string name : {"polygon1", "polygon2"})
        site.etcd_put("/service/polygon.polygon/saved/g1/members/" + name, "{}");
    const std::vector<std::string> argv = {"polygon-rebuild", "reset", "--config", site.configuration().string(),
                                           "--leader"};
    std::vector<std::string> misspelt = argv;
    misspelt.push_back("polgon1");
    const process::Finished refused = site.run(misspelt);
    INFO(refused.err);
    CHECK(refused.exit_status == exit_status(Errc::usage));
    CHECK_THAT(refused.err, ContainsText("the cluster has no member 'polgon1', but polygon1, polygon2"));
    CHECK_THAT(refused.err, ContainsText("HINT: Did you mean 'polygon1'?"));
    // Twice: after the first there is neither config nor member key.
    for (int i = 0; i < 2; ++i)
        REQUIRE(reset(site).exit_status == 0);
    const auto plan = nlohmann::json::parse(site.etcd_keys().at("/service/polygon.polygon/plan"));
    CHECK(site.etcd_keys().contains("/service/polygon.polygon/saved/" + plan.at("generation").get<std::string>() +
                                    "/members/polygon2"));
    misspelt.push_back("--new-member");
    CHECK(site.run(misspelt).exit_status == 0);
}

TEST_CASE("a leader key that does not expire refuses the reset") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    site.etcd_put("/service/polygon/config", R"({"ttl":1})");
    site.etcd_put("/service/polygon/leader", "polygon3");
    const auto before = site.etcd_keys();
    const process::Finished done = reset(site);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::cluster_alive));
    CHECK_THAT(done.err, ContainsText("leader polygon3"));
    CHECK_THAT(done.err, ContainsText("HINT: Stop Patroni on every node"));
    CHECK(site.etcd_keys() == before);
}

TEST_CASE("a member whose REST interface answers refuses the reset at once") {
    Site& site = Site::shared();
    site.clear();
    put_stopped_cluster(site);
    // etcd itself answers HTTP there: whatever answers, something is alive.
    site.etcd_put("/service/polygon/members/polygon2", R"({"api_url":"http://)" + site.etcd().endpoint() +
                                                           R"(/patroni","state":"running","role":"replica"})");
    const auto before = site.etcd_keys();
    const process::Finished done = reset(site);
    INFO(done.err);
    CHECK(done.exit_status == exit_status(Errc::cluster_alive));
    CHECK_THAT(done.err, ContainsText("member 'polygon2' of '/service/polygon/' is alive"));
    CHECK(site.etcd_keys() == before);
}

TEST_CASE("an unknown scope, an etcd that is down and a configuration of production's are told apart") {
    Site& site = Site::shared();
    site.clear();
    const process::Finished unknown = reset(site);
    CHECK(unknown.exit_status == exit_status(Errc::scope_unknown));
    CHECK_THAT(unknown.err, ContainsText("holds nothing under '/service/polygon/'"));
    CHECK_THAT(unknown.err, ContainsText("HINT: Check scope and namespace in "));

    CHECK(reset(site, {}, {{"PATRONI_ETCD3_HOSTS", "127.0.0.1:1"}}).exit_status == exit_status(Errc::etcd_unavailable));

    put_stopped_cluster(site);
    site.write_configuration("");
    const process::Finished production = reset(site);
    CHECK(production.exit_status == exit_status(Errc::configuration));
    CHECK_THAT(production.err, ContainsText("the configuration has no polygon.source: this is no polygon's"));
    CHECK(site.etcd_keys().contains("/service/polygon/status"));
}

}  // namespace
}  // namespace polygon::test
