// As pg_verifybackup's own tests damage a backup, and what compression adds.
#include <filesystem>

#include "common/backup/restore.h"
#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

// What is said of the damaged sample, the same in each format.
std::string complaint(const Sample& sample) {
    const TemporaryDirectory directory;
    sample.write_tar(directory / "tar" / "b");
    sample.write_gzip(directory / "gzip" / "b");
    sample.write_plain(directory / "plain" / "b");
    std::string message;
    for (const char* format : {"tar", "gzip", "plain"}) {
        INFO(format);
        const Error error = failure_of(directory / format / "b", directory / "data");
        CHECK(error.code == Errc::backup_corrupt);
        CHECK(error.hint == kCopyAgainHint);
        if (!message.empty()) CHECK(error.message == message);
        message = error.message;
        std::filesystem::remove_all(directory / "data");
    }
    return message;
}

const std::string kMismatch = "backup 'b' does not match its manifest: ";

TEST_CASE("finds a file that the manifest does not name") {
    Sample sample;
    sample.base.push_back({.name = "base/5/evil", .content = "x"});
    CHECK(complaint(sample) == kMismatch + "base/5/evil: not in the manifest");
}

TEST_CASE("finds a missing file") {
    Sample sample;
    sample.remove("base/5/1259");
    CHECK(complaint(sample) == kMismatch + "base/5/1259: missing");
}

TEST_CASE("finds a longer and a shorter file") {
    Sample sample;
    sample.member("base/5/1259").content += 'c';
    CHECK(complaint(sample) == kMismatch + "base/5/1259: is 8193 bytes long, manifest says 8192");
    sample.member("base/5/1259").content.resize(8191);
    CHECK(complaint(sample) == kMismatch + "base/5/1259: is 8191 bytes long, manifest says 8192");
}

TEST_CASE("finds one changed byte") {
    Sample sample;
    const std::string before = checksum_of(ChecksumAlgorithm::crc32c, sample.member("base/5/1259").content);
    sample.member("base/5/1259").content[4711] = 'C';
    const std::string after = checksum_of(ChecksumAlgorithm::crc32c, sample.member("base/5/1259").content);
    CHECK(complaint(sample) == kMismatch + "base/5/1259: checksum is " + after + ", manifest says " + before);
}

TEST_CASE("finds a damaged pg_control and does not write it") {
    Sample sample;
    sample.member("global/pg_control").content[0] = 'x';
    CHECK_THAT(complaint(sample), ContainsText(kMismatch + "global/pg_control: checksum is "));
    sample.remove("global/pg_control");
    CHECK(complaint(sample) == kMismatch + "global/pg_control: missing");
}

TEST_CASE("collects every difference, and names the first few in the order of their paths") {
    Sample sample;
    sample.remove("base/5/1259");
    sample.remove("base/5/2600");
    sample.member("PG_VERSION").content = "17\n";
    sample.member("postgresql.conf").content = "";
    sample.base.push_back({.name = "extra"});
    const TemporaryDirectory directory;
    sample.write_tar(directory / "b");
    const auto located = locate_backup(directory / "b");
    REQUIRE(located.has_value());
    std::vector<std::string> problems;
    const auto failed = restore({.backup = located->backup,
                                 .data_directory = directory / "data",
                                 .on_problem = [&](const std::string& problem) { problems.push_back(problem); }},
                                system_clock());
    REQUIRE_FALSE(failed.has_value());
    const std::vector<std::string> expected = {
        "PG_VERSION: checksum is " + checksum_of(ChecksumAlgorithm::crc32c, "17\n") + ", manifest says 8a744722",
        "postgresql.conf: is 0 bytes long, manifest says 12", "extra: not in the manifest", "base/5/1259: missing",
        "base/5/2600: missing"};
    CHECK(problems == expected);
    CHECK(failed.error().message == kMismatch + expected[0] + "; " + expected[3] + "; " + expected[4] + "; and 2 more");
    CHECK_FALSE(std::filesystem::exists(directory / "data/extra"));
}

TEST_CASE("finds a file that comes twice") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.push_back(sample.member("base/5/1259"));
    sample.wal.push_back(sample.wal[0]);
    sample.write_tar(directory / "b");
    CHECK(failure_of(directory / "b", directory / "data").message ==
          kMismatch + "base/5/1259: comes twice; pg_wal/000000010000000000000001: comes twice");
}

TEST_CASE("finds an archive that was cut off") {
    const TemporaryDirectory directory;
    Sample().write_gzip(directory / "gzip");
    Sample().write_tar(directory / "tar");
    for (const char* archive : {"gzip/base.tar.gz", "gzip/pg_wal.tar.gz", "tar/base.tar", "tar/pg_wal.tar"}) {
        INFO(archive);
        const fs::Path path = directory / archive;
        const std::string whole = read(path);
        for (const std::size_t lost : {1UL, 9UL, 600UL, whole.size() / 2}) {
            write(path, whole.substr(0, whole.size() - std::min(lost, whole.size() - 20)));
            const Error error = failure_of(path.parent_path(), directory / "data");
            CHECK(error.code == Errc::backup_corrupt);
            CHECK_THAT(error.message, ContainsText("archive '" + path.string() + "' is damaged: "));
            CHECK(error.hint == kCopyAgainHint);
            std::filesystem::remove_all(directory / "data");
        }
        write(path, whole);
    }
}

TEST_CASE("finds a flipped bit in pg_wal.tar.gz, which no manifest covers") {
    const TemporaryDirectory directory;
    Sample sample;
    for (std::size_t i = 0; i < sample.wal[0].content.size(); ++i) {
        sample.wal[0].content[i] = static_cast<char>((i * i) >> 7);
    }
    sample.write_gzip(directory / "b");
    const fs::Path archive = directory / "b/pg_wal.tar.gz";
    const std::string whole = read(archive);
    for (const std::size_t at : {whole.size() / 3, whole.size() / 2, whole.size() - 7, whole.size() - 2}) {
        std::string flipped = whole;
        flipped[at] = static_cast<char>(flipped[at] ^ 4);
        write(archive, flipped);
        const Error error = failure_of(directory / "b", directory / "data");
        CHECK(error.code == Errc::backup_corrupt);
        CHECK_THAT(error.message, ContainsText("archive '" + archive.string() + "' is damaged: "));
        std::filesystem::remove_all(directory / "data");
    }
}

TEST_CASE("finds garbage behind the end of a gzip archive") {
    const TemporaryDirectory directory;
    Sample().write_gzip(directory / "b");
    for (const char* archive : {"base.tar.gz", "pg_wal.tar.gz"}) {
        const fs::Path path = directory / "b" / archive;
        const std::string whole = read(path);
        write(path, whole + "garbage");
        CHECK(failure_of(directory / "b", directory / "data").message ==
              "archive '" + path.string() + "' is damaged: bytes that are not gzip follow its end");
        write(path, whole);
        std::filesystem::remove_all(directory / "data");
    }
}

TEST_CASE("reads pg_wal.tar.gz of hundreds of gzip members") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_gzip(directory / "b");
    const std::string wal = tar(sample.wal);
    const std::string empty = gzip("");
    std::string compressed;
    for (std::size_t at = 0; at < wal.size(); at += 32768) {
        compressed += gzip(wal.substr(at, 32768)) + empty + empty + empty + empty;
    }
    write(directory / "b/pg_wal.tar.gz", compressed);
    REQUIRE(restore_into(directory / "b", directory / "data").has_value());
    CHECK((read(directory / "data/pg_wal/000000010000000000000001") == sample.wal[0].content));
}

}  // namespace
}  // namespace polygon::backup::test
