#include "bootstrap/restore/filling_command.h"

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

TEST_CASE("reads what decides in a backup_label") {
    const auto label = parse_backup_label(
        "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nCHECKPOINT LOCATION: 0/2000060\n"
        "BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-20 03:00:00 UTC\nLABEL: nightly: full\n"
        "START TIMELINE: 1\n");
    REQUIRE(label.has_value());
    CHECK(label->start_segment == "000000010000000000000002");
    CHECK(label->start_time == "2026-11-20 03:00:00 UTC");
    CHECK(label->label == "nightly: full");
}

TEST_CASE("a backup_label that does not say where its WAL starts") {
    for (const char* text : {"", "LABEL: x\n", "START WAL LOCATION: 0/2000028\n",
                             "START WAL LOCATION: 0/2000028 (file ../../etc/passwd12345678)\n"}) {
        INFO(text);
        const auto label = parse_backup_label(text);
        REQUIRE_FALSE(label.has_value());
        CHECK(label.error().code == Errc::backup_corrupt);
        CHECK(label.error().message == "backup_label does not say where its WAL starts");
    }
}

}  // namespace
}  // namespace polygon::bootstrap
