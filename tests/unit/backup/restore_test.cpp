#include "common/backup/restore.h"

#include <algorithm>
#include <filesystem>
#include <mutex>

#include <sys/stat.h>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

mode_t mode_of(const fs::Path& path) {
    struct stat found = {};
    REQUIRE(::stat(path.c_str(), &found) == 0);
    return found.st_mode & 07777;
}

void check_content(const fs::Path& data) {
    CHECK(read(data / "base/5/1259") == std::string(8192, 'c'));
    CHECK(read(data / "base/5/2600").empty());
    CHECK(read(data / "backup_label") == kBackupLabel);
    CHECK(read(data / "global/pg_control").size() == 8192);
    CHECK(read(data / "pg_wal/000000010000000000000001").size() == 1U << 20);
    CHECK(std::filesystem::is_empty(data / "pg_notify"));
    CHECK_FALSE(std::filesystem::exists(data / "backup_manifest"));
}

TEST_CASE("restores every format with every checksum algorithm") {
    using enum ChecksumAlgorithm;
    const TemporaryDirectory directory;
    Sample sample;
    sample.algorithm = GENERATE(none, crc32c, sha224, sha256, sha384, sha512);
    sample.seal();
    sample.write_tar(directory / "tar");
    sample.write_gzip(directory / "gzip");
    sample.write_plain(directory / "plain");
    for (const char* format : {"tar", "gzip", "plain"}) {
        INFO(format);
        const auto restored = restore_into(directory / format, directory / "data");
        REQUIRE(restored.has_value());
        CHECK(restored->files == 8);
        CHECK(restored->bytes == kBackupLabel.size() + 3 + 8192 + 12 + 8192 + (1U << 20));
        CHECK(restored->tablespaces.empty());
        check_content(directory / "data");
        std::filesystem::remove_all(directory / "data");
    }
}

TEST_CASE("gives files and directories modes of its own") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.member("base/5/1259").mode = 06777;
    sample.member("base/").mode = 01777;
    sample.seal();
    sample.write_tar(directory / "b");
    REQUIRE(restore_into(directory / "b", directory / "data").has_value());
    CHECK(mode_of(directory / "data") == 0700);
    CHECK(mode_of(directory / "data/base") == 0700);
    CHECK(mode_of(directory / "data/base/5/1259") == 0600);
    CHECK(mode_of(directory / "data/global/pg_control") == 0600);
}

TEST_CASE("verifies what it is told to leave out, and does not write it") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_gzip(directory / "b");
    write(directory / "data/postgresql.conf", "ours");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    const RestoreRequest request{.backup = located->backup,
                                 .data_directory = directory / "data",
                                 .may_be_there = [](std::string_view name) { return name == "postgresql.conf"; },
                                 .is_left_out =
                                     [](std::string_view path) {
                                         return path == "postgresql.conf" || path == "base/5/2600" ||
                                                path == "pg_notify";
                                     }};
    const auto restored = restore(request, system_clock());
    REQUIRE(restored.has_value());
    CHECK(read(directory / "data/postgresql.conf") == "ours");
    CHECK_FALSE(std::filesystem::exists(directory / "data/base/5/2600"));
    CHECK_FALSE(std::filesystem::exists(directory / "data/pg_notify"));

    std::filesystem::remove_all(directory / "data");
    sample.member("postgresql.conf").content = "port = 5433\n";
    sample.write_gzip(directory / "b");
    const auto failed = restore(request, system_clock());
    REQUIRE_FALSE(failed.has_value());
    CHECK_THAT(failed.error().message, ContainsText("postgresql.conf: checksum is "));
}

TEST_CASE("tells what it leaves out, once it is known to be right, and nothing that is too large") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "postgresql.auto.conf", .content = "port = 2\n"});
    sample.base.push_back({.name = "large.conf", .content = std::string((1 << 20) + 1, '#')});
    sample.member("postgresql.conf").content = "port = 1\n";
    sample.seal();
    const bool is_damaged = GENERATE(false, true);
    if (is_damaged) sample.member("postgresql.conf").content = "port = 3\n";
    const std::string format = GENERATE("gzip", "plain");
    INFO(format << is_damaged);
    format == "gzip" ? sample.write_gzip(directory / "b") : sample.write_plain(directory / "b");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    std::map<std::string, std::optional<std::string>> told;
    const RestoreRequest request{.backup = located->backup,
                                 .data_directory = directory / "data",
                                 .is_left_out = [](std::string_view path) { return path.ends_with(".conf"); },
                                 .on_left_out = [&](const std::string& path, const auto& content) -> Status {
                                     told[path] = content;
                                     return {};
                                 }};
    CHECK(restore(request, system_clock()).has_value() != is_damaged);
    CHECK(told.contains("postgresql.conf") != is_damaged);
    if (!is_damaged) CHECK(told.at("postgresql.conf") == "port = 1\n");
    CHECK(told.at("postgresql.auto.conf") == "port = 2\n");
    CHECK_FALSE(told.at("large.conf").has_value());
    CHECK_FALSE(std::filesystem::exists(directory / "data/postgresql.conf"));
}

TEST_CASE("a file that is left out can end the restore") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    const auto failed = restore({.backup = located->backup,
                                 .data_directory = directory / "data",
                                 .is_left_out = [](std::string_view path) { return path == "postgresql.conf"; },
                                 .on_left_out = [](const auto&, const auto&) -> Status {
                                     return Error{Errc::configuration, "nobody knows this file", ""};
                                 }},
                                system_clock());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().message == "nobody knows this file");
    CHECK_FALSE(std::filesystem::exists(directory / "data/global/pg_control"));
}

TEST_CASE("does not restore over anything") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    write(directory / "data/PG_VERSION", "15\n");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::data_directory_occupied);
    CHECK(error.message == "data directory '" + (directory / "data").string() + "' is not empty (1 entries)");
    CHECK(error.hint == "Move it away, or let polygon-rebuild set it aside.");
    CHECK(read(directory / "data/PG_VERSION") == "15\n");
}

TEST_CASE("tells how far it is, up to the end") {
    const TemporaryDirectory directory;
    Sample().write_gzip(directory / "b");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    std::vector<Progress> steps;
    const auto restored = restore({.backup = located->backup,
                                   .data_directory = directory / "data",
                                   .on_progress = [&](const Progress& step) { steps.push_back(step); }},
                                  system_clock());
    REQUIRE(restored.has_value());
    REQUIRE_FALSE(steps.empty());
    CHECK(steps.back().bytes_done == located->backup.manifest.total_bytes());
    CHECK(steps.back().bytes_total == steps.back().bytes_done);
    CHECK(steps.back().files_done == 6);
    CHECK(steps.back().files_total == 6);
    for (std::size_t i = 1; i < steps.size(); ++i)
        CHECK(steps[i - 1].bytes_done <= steps[i].bytes_done);
}

TEST_CASE("needs the WAL of the manifest unless it comes from elsewhere") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.wal.clear();
    sample.write_tar(directory / "b");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_incomplete);
    CHECK(error.message == "backup 'b' is incomplete: WAL segment 000000010000000000000000 is missing");
    CHECK(error.hint == "Take the backup with --wal-method=stream, or configure recovery.restore_command.");

    std::filesystem::remove_all(directory / "data");
    std::filesystem::remove(directory / "b/pg_wal.tar");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    REQUIRE(restore({.backup = located->backup, .data_directory = directory / "data", .wal = Wal::elsewhere},
                    system_clock())
                .has_value());
    CHECK(std::filesystem::is_directory(directory / "data/pg_wal"));
}

TEST_CASE("takes WAL out of base.tar too, as --wal-method=fetch puts it there") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "pg_wal/000000010000000000000001", .content = sample.wal[0].content});
    sample.write_tar(directory / "b");
    std::filesystem::remove(directory / "b/pg_wal.tar");
    REQUIRE(restore_into(directory / "b", directory / "data").has_value());
    CHECK(read(directory / "data/pg_wal/000000010000000000000001").size() == 1U << 20);
}

TEST_CASE("reads a plain backup's pg_wal through its link") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_plain(directory / "b");
    std::filesystem::rename(directory / "b/pg_wal", directory / "wal");
    std::filesystem::create_directory_symlink(directory / "wal", directory / "b/pg_wal");
    REQUIRE(restore_into(directory / "b", directory / "data").has_value());
    check_content(directory / "data");
    CHECK_FALSE(std::filesystem::is_symlink(directory / "data/pg_wal"));
}

TEST_CASE("does not care for what pg_basebackup may have changed") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back({.name = "postgresql.auto.conf", .content = "a"});
    sample.seal();
    sample.member("postgresql.auto.conf").content = "primary_conninfo = ''";
    sample.base.push_back({.name = "standby.signal"});
    sample.write_tar(directory / "b");
    REQUIRE(restore_into(directory / "b", directory / "data").has_value());
    CHECK(read(directory / "data/postgresql.auto.conf") == "primary_conninfo = ''");
}

TEST_CASE("a checksum that is known already spares reading the file, and is compared all the same") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_plain(directory / "b");
    write(directory / "b/base/5/1259", std::string(8192, 'X'));
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    std::vector<std::string> asked;
    std::mutex mutex;
    const auto check_knowing = [&](const std::string& content) {
        const auto known = [&](const fs::Path& file, ChecksumAlgorithm algorithm) -> std::optional<std::string> {
            const std::lock_guard lock(mutex);
            asked.push_back(file.filename());
            if (file.filename() != "1259") return std::nullopt;
            return checksum_of(algorithm, content);
        };
        return check({.backup = located->backup, .known_checksum = known}, system_clock());
    };
    CHECK(check_knowing(std::string(8192, 'c')).has_value());
    CHECK(std::count(asked.begin(), asked.end(), "pg_control") == 0);
    CHECK(std::count(asked.begin(), asked.end(), "000000010000000000000001") == 0);
    const auto wrong = check_knowing("other");
    REQUIRE_FALSE(wrong.has_value());
    CHECK_THAT(wrong.error().message, ContainsText("base/5/1259: checksum is "));
}

TEST_CASE("checks a backup without writing anything") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_plain(directory / "plain");
    sample.add_tablespace(16384, "/prod/fast");
    sample.seal();
    sample.write_gzip(directory / "gzip");
    for (const char* format : {"gzip", "plain"}) {
        INFO(format);
        const auto located = locate_backup(directory / format);
        REQUIRE(located.has_value());
        const auto checked = check({.backup = located->backup}, system_clock());
        if (!checked.has_value()) FAIL(checked.error().message);
        CHECK(checked->bytes >= located->backup.manifest.total_bytes());
        CHECK(checked->tablespaces.empty());
    }
    sample.member("base/5/1259").content[7] = 'X';
    sample.write_gzip(directory / "gzip");
    const auto located = locate_backup(directory / "gzip");
    const auto failed = check({.backup = located->backup}, system_clock());
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::backup_corrupt);
    CHECK_THAT(failed.error().message, ContainsText("base/5/1259: checksum is "));
}

TEST_CASE("an error of the target is one of input and output") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    const Error error = failure_of(directory / "b", directory / "absent/data");
    CHECK(error.code == Errc::io);
    CHECK(error.message ==
          "cannot create the directory '" + (directory / "absent/data").string() + "': No such file or directory");
}

}  // namespace
}  // namespace polygon::backup::test
