#include "common/sanitize/verifier.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

// As PostgreSQL 15 stored them for role app: CREATE ROLE app PASSWORD 'secret word'.
const char* const kScram =
    "SCRAM-SHA-256$4096:bUMa72rTOjnokmqcszjNKw==$ruhL0JgJ/"
    "LujIjPEQsfubI6TBBgpyfvAu3oKLQeTVQQ=:6np1N5SwiLfL9Hx5+oFFhiUtXK9RklunRk6lOmyRxc8=";
const char* const kMd5 = "md50557f294468a2fa31a072bf7c2044d21";

TEST_CASE("knows the password that a SCRAM verifier was made from, and no other") {
    CHECK(opens(kScram, "app", Secret("secret word")));
    CHECK_FALSE(opens(kScram, "app", Secret("secret word ")));
    CHECK_FALSE(opens(kScram, "app", Secret("")));
}

TEST_CASE("an md5 verifier is of a role and its password") {
    CHECK(opens(kMd5, "app", Secret("secret word")));
    CHECK_FALSE(opens(kMd5, "report", Secret("secret word")));
    CHECK_FALSE(opens(kMd5, "app", Secret("another")));
}

TEST_CASE("nothing opens what is no verifier") {
    for (const char* text :
         {"", "SCRAM-SHA-256$", "SCRAM-SHA-256$4096:!!$x:y", "SCRAM-SHA-256$0:AAAA$AAAA:AAAA", "md5", "plain"}) {
        CHECK_FALSE(opens(text, "app", Secret("plain")));
    }
}

}  // namespace
}  // namespace polygon::sanitize
