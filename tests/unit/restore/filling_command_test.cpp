#include "bootstrap/restore/sources/filling_command.h"

#include "tests/support/catch.h"

namespace polygon::bootstrap {
namespace {

TEST_CASE("the directory is put into the command, quoted for a shell") {
    CHECK(fill_in({"tool --to={datadir} && ls {datadir}", ""}, "/d") == "tool --to='/d' && ls '/d'");
    CHECK(fill_in({"tool {datadir}", ""}, "/my data/it's; rm -rf $HOME") == "tool '/my data/it'\\''s; rm -rf $HOME'");
    CHECK(fill_in({"tool {datadir}", ""}, "/{datadir}") == "tool '/{datadir}'");
}

TEST_CASE("a command that does not say where to restore to is refused") {
    const auto refused = parse_command({patroni::SourceKind::command, "tool restore", "p.yml:3", {}, {}});
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    CHECK(refused.error().message == "polygon.source.command (p.yml:3) does not say where to restore to");
    CHECK(refused.error().hint == "Write {datadir} where the command takes the directory.");
    CHECK(parse_command({patroni::SourceKind::command, "tool {datadir}", "p.yml:3", {}, {}}).has_value());
}

}  // namespace
}  // namespace polygon::bootstrap
