// A Result that a test goes on with, or its error as the test's failure.
#pragma once

#include <string>
#include <utility>

#include "common/base/result.h"
#include "tests/support/catch.h"

namespace polygon::support {

inline void require(const Status& status) {
    INFO((status ? std::string() : status.error().message + " " + status.error().hint));
    REQUIRE(status.has_value());
}

template <class T>
T require(Result<T> result) {
    INFO((result ? std::string() : result.error().message + " " + result.error().hint));
    REQUIRE(result.has_value());
    return std::move(result).value();
}

}  // namespace polygon::support
