#include "common/backup/chain.h"

#include <filesystem>

#include <fmt/format.h>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

struct LinkSample {
    std::string begin_at;
    std::string continues;
    std::string day = "20";  // of November: its age
    std::string system_identifier = "7";
};

// A backup of PostgreSQL 17's, full or incremental.
Sample make_link(const LinkSample& link) {
    Sample sample;
    sample.last_modified = fmt::format("2026-11-{} 03:00:00 GMT", link.day);
    sample.become_link(link.begin_at, link.continues);
    sample.manifest =
        with_checksum(replaced(sample.unsealed_manifest(), "Version\": 1,",
                               fmt::format("Version\": 2,\n\"System-Identifier\": {},", link.system_identifier)));
    return sample;
}

// Full on Friday, incremental on Saturday and Sunday.
void write_week(const fs::Path& folder) {
    make_link({.begin_at = "0/1000028", .day = "20"}).write_plain(folder / "friday");
    make_link({.begin_at = "0/2000028", .continues = "0/1000028", .day = "21"}).write_tar(folder / "saturday");
    make_link({.begin_at = "0/3000028", .continues = "0/2000028", .day = "22"}).write_gzip(folder / "sunday");
}

std::vector<std::string> labels(const Backup& backup) {
    std::vector<std::string> list;
    for (const Backup& earlier : backup.earlier)
        list.push_back(earlier.label);
    list.push_back(backup.label);
    return list;
}

Located located(const fs::Path& directory) {
    auto found = locate_backup(directory);
    if (!found.has_value()) FAIL(found.error().message);
    return std::move(*found);
}

Error failure_to_locate(const fs::Path& directory) {
    const auto found = locate_backup(directory);
    REQUIRE_FALSE(found.has_value());
    return found.error();
}

using Labels = std::vector<std::string>;

TEST_CASE("an incremental backup comes with all that it continues, whatever their formats") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    const std::string source = GENERATE("", "sunday", "sunday/");
    const Located found = located(directory / source);
    CHECK(labels(found.backup) == Labels{"friday", "saturday", "sunday"});
    CHECK(found.passed_over.empty());
    CHECK(found.backup.continues == WalPosition{1, 0x2000028});
    CHECK(found.backup.earlier[0].format == Format::plain);
    CHECK_FALSE(found.backup.earlier[0].manifest.files.empty());
    CHECK_FALSE(found.backup.manifest.files.empty());
}

TEST_CASE("one in the middle is taken as it is, and a full one alone") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    CHECK(labels(located(directory / "saturday").backup) == Labels{"friday", "saturday"});
    CHECK(labels(located(directory / "friday").backup) == Labels{"friday"});
}

TEST_CASE("behind a link the others are where it leads to") {
    const TemporaryDirectory directory;
    write_week(directory / "store");
    std::filesystem::create_directory_symlink(directory / "store/sunday", directory / "latest");
    CHECK(labels(located(directory / "latest").backup) == Labels{"friday", "saturday", "latest"});
}

TEST_CASE("of a folder the newest with a whole chain is taken, and the broken ones are named") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    std::filesystem::remove_all(directory / "saturday");
    const Located found = located(directory.path());
    CHECK(labels(found.backup) == Labels{"friday"});
    REQUIRE(found.passed_over.size() == 1);
    CHECK(found.passed_over[0].label == "sunday");
    CHECK(
        found.passed_over[0].reason ==
        "backup 'sunday' is incomplete: it continues the backup that began at 0/2000028 on timeline 1, and no complete "
        "backup in '" +
            directory.path().string() + "' did");
}

TEST_CASE("a half-copied link breaks the chain, and both are named") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    std::filesystem::remove(directory / "saturday/backup_manifest");
    const Located found = located(directory.path());
    CHECK(found.backup.label == "friday");
    REQUIRE(found.passed_over.size() == 2);
    CHECK(found.passed_over[0].reason == "backup 'saturday' is incomplete: no backup_manifest");
    CHECK(found.passed_over[1].label == "sunday");
    CHECK_THAT(failure_to_locate(directory / "sunday").message,
               ContainsText("' did; backup 'saturday' is incomplete: no backup_manifest"));
}

TEST_CASE("a missing link is an error that says what to copy") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    std::filesystem::remove_all(directory / "friday");
    const Error error = failure_to_locate(directory / "sunday");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message ==
          "backup 'sunday' is incomplete: 'saturday', which it needs, continues the backup that began at 0/1000028 on "
          "timeline 1, and no complete backup in '" +
              std::filesystem::canonical(directory.path()).string() + "' did");
    CHECK(
        error.hint ==
        "Copy that backup to a directory beside it: its backup_label has the line \"START WAL LOCATION: 0/1000028\".");
    CHECK(failure_to_locate(directory.path()).code == Errc::backup_incomplete);
}

TEST_CASE("another cluster's backup is no link, wherever it began") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    std::filesystem::remove_all(directory / "friday");
    make_link({.begin_at = "0/1000028", .day = "20", .system_identifier = "8"}).write_plain(directory / "friday");
    CHECK(failure_to_locate(directory / "saturday").code == Errc::backup_incomplete);
}

TEST_CASE("no chain leads back to itself") {
    const TemporaryDirectory directory;
    make_link({.begin_at = "0/2000028", .continues = "0/2000028"}).write_tar(directory / "itself");
    make_link({.begin_at = "0/3000028", .continues = "0/4000028"}).write_tar(directory / "a");
    make_link({.begin_at = "0/4000028", .continues = "0/3000028"}).write_tar(directory / "b");
    for (const char* name : {"itself", "a", "b"})
        CHECK(failure_to_locate(directory / name).code == Errc::backup_incomplete);
    CHECK(failure_to_locate(directory.path()).code == Errc::backup_incomplete);
}

TEST_CASE("of two that began at the same place the complete, the shorter, the plain, the first one is taken") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    const Sample saturday = make_link({.begin_at = "0/2000028", .continues = "0/1000028", .day = "21"});
    SECTION("a plain copy rather than one in tar format") {
        saturday.write_plain(directory / "z-copy");
        CHECK(labels(located(directory / "sunday").backup) == Labels{"friday", "z-copy", "sunday"});
    }
    SECTION("the first by name of the same format") {
        saturday.write_tar(directory / "copy");
        CHECK(labels(located(directory / "sunday").backup) == Labels{"friday", "copy", "sunday"});
    }
    SECTION("a full one rather than one that needs another") {
        make_link({.begin_at = "0/2000028", .day = "21"}).write_tar(directory / "z-full");
        CHECK(labels(located(directory / "sunday").backup) == Labels{"z-full", "sunday"});
    }
    SECTION("one whose chain is whole") {
        make_link({.begin_at = "0/2000028", .continues = "0/500028"}).write_plain(directory / "broken");
        CHECK(labels(located(directory / "sunday").backup) == Labels{"friday", "saturday", "sunday"});
    }
}

TEST_CASE("a backup on another timeline that began at the same place is no link") {
    const TemporaryDirectory directory;
    Sample full = make_link({.begin_at = "0/1000028"});
    full.manifest = with_checksum(replaced(full.unsealed_manifest(), "\"Timeline\": 1", "\"Timeline\": 2"));
    full.write_plain(directory / "full");
    Sample next;
    next.become_link("0/2000028", "0/1000028");
    next.write_tar(directory / "next");
    CHECK(failure_to_locate(directory / "next").code == Errc::backup_incomplete);
}

TEST_CASE("an incremental backup whose label does not say what it continues is damaged") {
    const TemporaryDirectory directory;
    Sample sample = make_link({.begin_at = "0/2000028", .continues = "0/1000028"});
    std::string& label = sample.member("backup_label").content;
    SECTION("not at all") {
        label = label.substr(0, label.find("INCREMENTAL"));
        sample.write_tar(directory / "b");
        const Error error = failure_to_locate(directory / "b");
        CHECK(error.code == Errc::backup_corrupt);
        CHECK(error.message == "backup 'b' is incremental, and its backup_label does not say what it continues");
        CHECK(error.hint == kCopyAgainHint);
    }
    SECTION("not even where it begins") {
        label = "?";
        sample.write_plain(directory / "b");
        CHECK(failure_to_locate(directory / "b").message ==
              "backup 'b': backup_label does not say where its WAL starts");
    }
}

TEST_CASE("where a full backup is needed an incremental one is refused") {
    const TemporaryDirectory directory;
    write_week(directory.path());
    const auto opened = open_backup(directory / "sunday");
    REQUIRE_FALSE(opened.has_value());
    CHECK(opened.error().code == Errc::unsupported);
    CHECK(opened.error().message == "backup 'sunday' is incremental");
    CHECK(opened.error().hint == "Combine it with the earlier ones first, as pg_combinebackup does.");
    CHECK(open_backup(directory / "friday").has_value());
}

TEST_CASE("an incremental file is told by its name's beginning") {
    CHECK(path_of_incremental("base/5/INCREMENTAL.1259") == "base/5/1259");
    CHECK(path_of_incremental("INCREMENTAL.x") == "x");
    for (const char* path : {"base/5/1259", "base/INCREMENTAL.d/1259", "base/5/1259.INCREMENTAL.1", ""})
        CHECK(path_of_incremental(path) == std::nullopt);
}

TEST_CASE("what comes of a chain is at most as large as its files were and what has changed of them") {
    constexpr std::uint64_t kSegment = 1ULL << 30;
    Backup full;
    full.manifest.files = {{.path = "a", .size_bytes = 100},
                           {.path = "b", .size_bytes = 200},
                           {.path = "large", .size_bytes = kSegment},
                           {.path = "gone", .size_bytes = 1}};
    Backup last;
    last.earlier = {full};
    last.manifest.files = {{.path = "INCREMENTAL.a", .size_bytes = 10},
                           {.path = "b", .size_bytes = 50},
                           {.path = "INCREMENTAL.large", .size_bytes = 1000},
                           {.path = "new", .size_bytes = 5}};
    CHECK(expected_sizes(last) ==
          std::map<std::string, std::uint64_t>{{"a", 110}, {"b", 50}, {"large", kSegment}, {"new", 5}});
    CHECK(expected_sizes(full) ==
          std::map<std::string, std::uint64_t>{{"a", 100}, {"b", 200}, {"large", kSegment}, {"gone", 1}});
}

}  // namespace
}  // namespace polygon::backup::test
