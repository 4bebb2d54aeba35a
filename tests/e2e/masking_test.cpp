#include <fstream>

#include "tests/e2e/stand_fixture.h"

namespace polygon::e2e {
namespace {

// The folder that the next rebuild takes its SQL from; "" for none.
void set_sql(const std::string& folder) {
    for (support::PatroniNode& node : stand().polygon().nodes())
        node.set_variable("POLYGON_SQL", folder);
}

std::string count_passports(const support::Login& login, const support::PatroniNode& node, const std::string& which) {
    support::Database database = require(node.connect(login, "thai"));
    return require(database.value("SELECT count(*) FROM passengers WHERE passport " + which));
}

TEST_CASE("what the SQL masks is masked on every node, whatever row security hides") {
    const StandGuard guard;
    support::Stand& both = rebuilt_stand();
    const support::Login& superuser = both.polygon().credentials().superuser;
    const std::filesystem::path folder = require(both.workspace().make_directory("sql"));
    std::ofstream(folder / "10-passengers.sql") << "-- database: thai\n"
                                                   "UPDATE passengers SET passport = 'masked ' || id;\n";
    require(both.workspace().account().give(folder));
    set_sql(folder.string());
    require(both.rebuild({}));
    set_sql("");
    for (const support::PatroniNode& node : both.polygon().nodes()) {
        INFO(node.name());
        REQUIRE(count_passports(superuser, node, "LIKE 'masked %'") == "1000");
        REQUIRE(count_passports(superuser, node, "NOT LIKE 'masked %'") == "0");
    }
    for (const support::PatroniNode& node : both.production().nodes()) {
        REQUIRE(count_passports(both.production().credentials().superuser, node, "LIKE 'masked %'") == "0");
    }
    const process::Finished verified = require(both.polygon_rebuild({"verify"}));
    REQUIRE(verified.exit_status == 0);
    REQUIRE_THAT(verified.out, ContainsText("one run of SQL: 10-passengers.sql in thai, "));
}

}  // namespace
}  // namespace polygon::e2e
