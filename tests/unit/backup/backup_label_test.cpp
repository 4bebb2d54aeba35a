#include "common/backup/backup_label.h"

#include "tests/support/catch.h"

namespace polygon::backup {
namespace {

TEST_CASE("reads what decides in a backup_label") {
    const auto label = parse_backup_label(
        "START WAL LOCATION: 0/2000028 (file 000000A10000000000000002)\nCHECKPOINT LOCATION: 0/2000060\n"
        "BACKUP METHOD: streamed\nBACKUP FROM: primary\nSTART TIME: 2026-11-20 03:00:00 UTC\nLABEL: nightly: full\n"
        "START TIMELINE: 161\n");
    REQUIRE(label.has_value());
    CHECK(label->start_lsn == "0/2000028");
    CHECK(label->start_segment == "000000A10000000000000002");
    CHECK(label->timeline == 161);
    CHECK(label->start_time == "2026-11-20 03:00:00 UTC");
    CHECK(label->label == "nightly: full");
    CHECK_FALSE(label->incremental_from_lsn.has_value());
}

TEST_CASE("what a backup_label says cannot draw on a terminal") {
    const auto label = parse_backup_label(
        "START WAL LOCATION: 0/2000028 (file 000000010000000000000002)\nSTART TIME: \x1b[2J\nLABEL: a\tb\n");
    REQUIRE(label.has_value());
    CHECK(label->start_time == "\\x1b[2J");
    CHECK(label->label == "a\\x09b");
}

TEST_CASE("an incremental backup's label says what it continues") {
    const auto label = parse_backup_label(
        "START WAL LOCATION: 0/5000028 (file 000000010000000000000005)\nLABEL: x\nSTART TIMELINE: 1\n"
        "INCREMENTAL FROM LSN: 0/2000028\nINCREMENTAL FROM TLI: 1\n");
    REQUIRE(label.has_value());
    CHECK(label->incremental_from_lsn == "0/2000028");
}

TEST_CASE("a backup_label that does not say where its WAL starts") {
    for (const char* text : {"", "LABEL: x\n", "START WAL LOCATION: 0/2000028\n",
                             "START WAL LOCATION: x (file 000000010000000000000002)\n",
                             "START WAL LOCATION: 0/2000028 (file ../../etc/passwd12345678)\n"}) {
        INFO(text);
        const auto label = parse_backup_label(text);
        REQUIRE_FALSE(label.has_value());
        CHECK(label.error().code == Errc::backup_corrupt);
        CHECK(label.error().message == "backup_label does not say where its WAL starts");
    }
}

}  // namespace
}  // namespace polygon::backup
