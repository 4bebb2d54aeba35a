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
