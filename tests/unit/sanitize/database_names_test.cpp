#include "common/sanitize/database_names.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

std::string refusal(const DatabasePlan& plan) {
    const Status checked = check_plan(plan);
    if (checked) return "none";
    CHECK(checked.error().code == Errc::configuration);
    return checked.error().message + " | " + checked.error().hint;
}

TEST_CASE("databases that PostgreSQL and Patroni need can be neither dropped nor renamed") {
    CHECK(refusal({.drop = {"postgres"}, .drop_origin = "p.yml:3"}) ==
          "polygon.databases.drop (p.yml:3) names 'postgres' | PostgreSQL and Patroni need it under its name; take it "
          "out.");
    CHECK(refusal({.drop = {"template1"}}) != "none");
    CHECK(refusal({.rename = {{"template0", "x"}}}) != "none");
    CHECK(refusal({.rename = {{"thai", "postgres"}}, .rename_origin = "p.yml:4"}) ==
          "polygon.databases.rename (p.yml:4) renames 'thai' to 'postgres' | PostgreSQL and Patroni need it under its "
          "name; take it out.");
}

TEST_CASE("a database is dropped or renamed, and a new name is new to all") {
    CHECK(refusal({.rename = {{"a", "b"}}, .drop = {"a"}}) ==
          "polygon.databases.rename () renames 'a' to 'b' | polygon.databases.drop names it too; decide for one.");
    CHECK(refusal({.rename = {{"a", "b"}}, .drop = {"b"}}) ==
          "polygon.databases.rename () renames 'a' to 'b' | Choose a name that no database has.");
    CHECK(refusal({.rename = {{"a", "b"}, {"b", "c"}}}) ==
          "polygon.databases.rename () renames 'a' to 'b' | Choose a name that no database has.");
    CHECK(refusal({.rename = {{"a", "a"}}}) != "none");
    CHECK(refusal({.rename = {{"a", "c"}, {"b", "c"}}}) ==
          "polygon.databases.rename () renames 'b' to 'c' | Another database gets the same name.");
    CHECK(refusal({.rename = {{"thai", "thai_polygon"}}, .drop = {"audit"}}) == "none");
}

}  // namespace
}  // namespace polygon::sanitize
