#include <fmt/format.h>

#include "common/base/error.h"
#include "tests/integration/programs/site.h"

namespace polygon::test {
namespace {

const std::vector<std::string> kPrograms = {"polygon-bootstrap", "polygon-post-bootstrap", "polygon-role-change",
                                            "polygon-entrypoint", "polygon-rebuild"};

TEST_CASE("each program says its version, and in --help its exit statuses") {
    for (const std::string& program : kPrograms) {
        INFO(program);
        const process::Finished version = Site::shared().run({program, "--version"});
        CHECK(version.exit_status == 0);
        CHECK_THAT(version.out, ContainsText(program + " (pg-polygon) "));
        const process::Finished help = Site::shared().run({program, "--help"});
        CHECK(help.exit_status == 0);
        for (const ErrorRow& row : error_table()) {
            CHECK_THAT(help.out, ContainsText(fmt::format("{:>3}  {:<24} {}", row.exit_status, row.name, row.meaning)));
        }
    }
}

TEST_CASE("each program refuses an option that it does not know") {
    for (const std::string& program : kPrograms) {
        CHECK(Site::shared().run({program, "--no-such-option"}).exit_status == exit_status(Errc::usage));
    }
}

TEST_CASE("the entrypoint runs Patroni and nothing else, and needs no libpq") {
    const process::Finished refused = Site::shared().run({"polygon-entrypoint", "--", "postgres", "-D", "/x"});
    CHECK(refused.exit_status == exit_status(Errc::usage));
    CHECK_THAT(refused.err, ContainsText("'postgres' is not Patroni"));
    const process::Finished libraries =
        Site::shared().run({"ldd", (Site::shared().workspace().bin() / "polygon-entrypoint").string()});
    CHECK(libraries.exit_status == 0);
    CHECK(libraries.out.find("libpq") == std::string::npos);
}

TEST_CASE("the callback does nothing on a replica, and nothing where no polygon is") {
    Site& site = Site::shared();
    site.clear();
    CHECK(site.run({"polygon-role-change", "on_role_change", "replica", "polygon", "--config", "/nowhere.yml"})
              .exit_status == 0);
    const process::Finished done =
        site.run({"polygon-role-change", "on_start", "primary", "polygon", "--config", site.configuration().string()});
    CHECK(done.exit_status == 0);
    CHECK_THAT(done.err, ContainsText("not a polygon, nothing to do"));
}

}  // namespace
}  // namespace polygon::test
