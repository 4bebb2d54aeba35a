#include "bootstrap/rebuild/coordinator/silence.h"

#include "tests/support/catch.h"
#include "tests/support/fake_clock.h"

namespace polygon::rebuild {
namespace {

using namespace std::chrono_literals;

const Error kSilent{Errc::etcd_unavailable, "no answer", "Check it."};

TEST_CASE("a silence is waited for until its limit, counted from the last answer") {
    support::FakeClock clock;
    Silence silence(clock, 300s);
    clock.advance(200s);
    silence.end();
    clock.advance(299s);
    CHECK(silence.tolerate(kSilent).has_value());
    CHECK(silence.is_on());
    clock.advance(1s);
    const Status over = silence.tolerate(kSilent);
    REQUIRE_FALSE(over.has_value());
    CHECK(over.error().code == Errc::etcd_unavailable);
    CHECK(over.error().message == "etcd has not answered for 300 s: no answer");
    silence.end();
    CHECK_FALSE(silence.is_on());
    CHECK(silence.tolerate(kSilent).has_value());
}

TEST_CASE("no other error is a silence") {
    support::FakeClock clock;
    Silence silence(clock, 300s);
    for (const Errc code : {Errc::needs_person, Errc::conflict, Errc::refused}) {
        const Status status = silence.tolerate({code, "no", ""});
        REQUIRE_FALSE(status.has_value());
        CHECK(status.error().message == "no");
    }
    CHECK_FALSE(silence.is_on());
}

}  // namespace
}  // namespace polygon::rebuild
