#include "common/sanitize/evidence.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

TEST_CASE("what is required and does not hold is an error that names it, what is advisory is none") {
    const Check holds{"leader", true, "accepts writes"};
    const Check advisory{"collation versions", false, "as restored: x", Weight::advisory};
    const Check required{"roles locked", false, "open again: app"};
    CHECK(require_all({holds, advisory}).has_value());
    const Status failed = require_all({holds, advisory, required});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::not_proven);
    CHECK(failed.error().message == "not proven: roles locked: open again: app");
    CHECK(failed.error().hint == "Nobody should use this polygon before it is.");
}

TEST_CASE("the certificate says how the quarantine was cut off from the network, and nobody is refused for it") {
    const auto check = [](const std::string& isolation) { return check_isolation({.isolation = isolation}); };
    CHECK(check("network namespace").detail == "a network namespace of its own");
    CHECK(check("network namespace, from the end of recovery on").detail ==
          "a network namespace of its own, from the end of recovery on");
    CHECK(check("socket filter").detail == "a socket filter: none but local sockets");
    CHECK(check("none").detail == "not isolated: this kernel allows neither a namespace nor a filter");
    CHECK(check("").detail == "not recorded");
    CHECK(check("network namespace, from the end of recovery on").holds);
    CHECK(check("socket filter").holds);
    for (const char* isolation : {"none", ""}) {
        CHECK_FALSE(check(isolation).holds);
        CHECK(check(isolation).name == "quarantine's network");
        CHECK(check(isolation).weight == Weight::advisory);
    }
}

}  // namespace
}  // namespace polygon::sanitize
