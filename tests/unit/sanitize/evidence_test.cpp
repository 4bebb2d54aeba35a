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

}  // namespace
}  // namespace polygon::sanitize
