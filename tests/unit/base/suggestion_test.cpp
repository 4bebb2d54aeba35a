#include "common/base/suggestion.h"

#include <string>
#include <vector>

#include "tests/support/catch.h"

namespace polygon {
namespace {

const std::vector<std::string> kKeys = {"source", "recovery", "tablespaces", "roles", "databases"};

TEST_CASE("suggests the nearest name for a misspelt one") {
    CHECK(nearest_name("sorce", kKeys) == "source");
    CHECK(nearest_name("tabelspaces", kKeys) == "tablespaces");
    CHECK(nearest_name("role", kKeys) == "roles");
}

TEST_CASE("takes an abbreviation for what it abbreviates, though another name is as short as it is") {
    CHECK(nearest_name("table", kKeys) == "tablespaces");
    CHECK(nearest_name("source.dir", std::vector<std::string>{"source.verify", "source.directory"}) ==
          "source.directory");
}

TEST_CASE("suggests nothing for a word that is like none") {
    CHECK_FALSE(nearest_name("zzzzzzzz", kKeys).has_value());
}

}  // namespace
}  // namespace polygon
