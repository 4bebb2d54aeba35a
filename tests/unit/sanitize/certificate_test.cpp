#include "common/sanitize/certificate.h"

#include <nlohmann/json.hpp>

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

Certificate make_certificate() {
    return {.scope = "polygon",
            .verified_at = "2026-11-20T03:00:00Z",
            .marker = {.generation = "g1",
                       .production_verifiers = {"00ff"},
                       .disarmed = {"database thai: dropped subscription 'feed'"},
                       .left = {"database thai: foreign server 'partner' of postgres_fdw"}},
            .checks = {{"leader", true, "accepts writes"},
                       {"collation versions", false, "as restored: x", Weight::advisory},
                       {"roles locked", false, "open again: app"}}};
}

TEST_CASE("the certificate's table tells what failed from what is to be known") {
    CHECK(to_table(make_certificate()) ==
          "Polygon 'polygon', generation g1, verified 2026-11-20T03:00:00Z\n"
          "  ok   leader              accepts writes\n"
          "  warn collation versions  as restored: x\n"
          "  FAIL roles locked        open again: app\n"
          "Disarmed\n"
          "  database thai: dropped subscription 'feed'\n"
          "Left as it is\n"
          "  database thai: foreign server 'partner' of postgres_fdw\n");
}

TEST_CASE("a certificate comes back from its JSON, but for the sums of production's verifiers") {
    const auto parsed = parse_certificate(to_json(make_certificate()));
    REQUIRE(parsed.has_value());
    CHECK(to_table(*parsed) == to_table(make_certificate()));
    CHECK(parsed->marker.production_verifiers.empty());
    CHECK(parsed->checks[1].weight == Weight::advisory);
    for (const char* text : {"", "[]", "{}", R"({"scope":"polygon","verified_at":"then","checks":[{}],"refresh":{}})"})
        CHECK_FALSE(parse_certificate(text).has_value());
}

TEST_CASE("a certificate that etcd would not take is shortened, its checks are not; another one stays as it is") {
    CHECK(to_json(shortened(make_certificate())) == to_json(make_certificate()));
    Certificate large = make_certificate();
    large.marker.locked_roles.assign(50'000, "a role of production's");
    for (auto* list : {&large.marker.old_rows, &large.marker.unrefreshed, &large.marker.excluded})
        list->assign(20'000, "a table or file of production's");
    large.checks[2].detail = std::string(100'000, 'x');
    const Certificate cut = shortened(large);
    CHECK(to_json(cut).size() < 512U << 10U);
    CHECK(cut.marker.locked_roles.size() == 101);
    CHECK(cut.marker.locked_roles.back() == "… and 49900 more");
    CHECK(cut.checks.size() == 3);
    CHECK(cut.checks[2].name == "roles locked");
    CHECK_FALSE(cut.checks[2].holds);
}

TEST_CASE("a name of production's makes no row of the certificate's table and draws nothing") {
    Certificate certificate = make_certificate();
    certificate.scope = "p\x1b[2J";
    certificate.checks = {{"roles\a", false, "open again: evil\n  ok   superusers   none\nx, ลูกค้า"}};
    certificate.marker.disarmed = {"role 'a\nLeft as it is\n  nothing'"};
    certificate.marker.left = {"\x1b[31m"};
    CHECK(to_table(certificate) ==
          "Polygon 'p\\x1b[2J', generation g1, verified 2026-11-20T03:00:00Z\n"
          "  FAIL roles\\x07  open again: evil\\x0a  ok   superusers   none\\x0ax, ลูกค้า\n"
          "Disarmed\n"
          "  role 'a\\x0aLeft as it is\\x0a  nothing'\n"
          "Left as it is\n"
          "  \\x1b[31m\n");
}

TEST_CASE("the certificate's JSON says of each check whether it is required") {
    const auto json = nlohmann::json::parse(to_json(make_certificate()));
    CHECK(json.at("checks").at(1).at("holds") == false);
    CHECK(json.at("checks").at(1).at("required") == false);
    CHECK(json.at("checks").at(2).at("required") == true);
    CHECK_FALSE(json.at("refresh").contains("production_verifiers_sha256"));
    CHECK(json.at("refresh").at("disarmed").at(0) == "database thai: dropped subscription 'feed'");
}

}  // namespace
}  // namespace polygon::sanitize
