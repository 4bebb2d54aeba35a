#include "common/base/result.h"

#include <string>

#include "tests/support/catch.h"

namespace polygon {
namespace {

Result<int> half(int number) {
    if (number % 2 != 0) return Error{Errc::usage, "odd", "Give an even number."};
    return number / 2;
}

Result<std::string> quarter(int number) {
    const int once = TRY(half(number));
    return std::to_string(TRY(half(once)));
}

Status check(int number) {
    TRY(half(number));
    return {};
}

TEST_CASE("TRY gives the value, or returns the error with its code, message and hint") {
    CHECK(*quarter(12) == "3");
    const Result<std::string> failed = quarter(6);
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::usage);
    CHECK(failed.error().message == "odd");
    CHECK(failed.error().hint == "Give an even number.");
    CHECK(check(2).has_value());
    CHECK_FALSE(check(3).has_value());
}

TEST_CASE("value_or falls back only on an error") {
    CHECK(half(4).value_or(9) == 2);
    CHECK(half(3).value_or(9) == 9);
}

}  // namespace
}  // namespace polygon
