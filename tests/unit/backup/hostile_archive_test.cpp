#include <cstdlib>
#include <filesystem>

#include <sys/stat.h>

#include "common/backup/restore.h"
#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

// What is said of a base.tar that begins with these members.
std::string refusal_of(const std::vector<TarMember>& members) {
    const TemporaryDirectory directory;
    Sample sample;
    sample.base.insert(sample.base.begin(), members.begin(), members.end());
    sample.write_tar(directory / "b");
    write(directory / "outside/victim", "untouched");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.hint == "PostgreSQL writes no such member; find out where this backup comes from.");
    CHECK(read(directory / "outside/victim") == "untouched");
    CHECK_FALSE(std::filesystem::exists(directory / "escaped"));
    CHECK_FALSE(std::filesystem::exists("/tmp/polygon-escaped"));
    return replaced(error.message, (directory / "b").string(), "/b");
}

TEST_CASE("refuses names that lead out of the data directory") {
    CHECK(refusal_of({{.name = "../escaped"}}) ==
          "archive '/b/base.tar' is refused: member '../escaped' leads out of its directory");
    CHECK(refusal_of({{.name = "base/../../escaped"}}) ==
          "archive '/b/base.tar' is refused: member 'base/../../escaped' leads out of its directory");
    CHECK(refusal_of({{.name = "base/.."}}) ==
          "archive '/b/base.tar' is refused: member 'base/..' leads out of its directory");
    CHECK(refusal_of({{.name = "/tmp/polygon-escaped"}}) ==
          "archive '/b/base.tar' is refused: member '/tmp/polygon-escaped' has an absolute name");
}

TEST_CASE("refuses a symbolic link before anything is written through it") {
    CHECK(refusal_of({{.name = "base", .type = '2', .link = "../outside"}, {.name = "base/victim", .content = "x"}}) ==
          "archive '/b/base.tar' is refused: member 'base' is a symbolic link");
    CHECK(refusal_of({{.name = "pg_wal", .type = '2', .link = "/tmp"}}) ==
          "archive '/b/base.tar' is refused: member 'pg_wal' is a symbolic link");
    CHECK(refusal_of({{.name = "pg_tblspc/x", .type = '2', .link = "/tmp"}}) ==
          "archive '/b/base.tar' is refused: member 'pg_tblspc/x' is a symbolic link");
}

TEST_CASE("refuses hard links, FIFOs and devices") {
    CHECK(refusal_of({{.name = "base/5/1", .type = '1', .link = "../outside/victim"}}) ==
          "archive '/b/base.tar' is refused: member 'base/5/1' is a hard link");
    CHECK(refusal_of({{.name = "base/5/1", .type = '6'}}) ==
          "archive '/b/base.tar' is refused: member 'base/5/1' is a FIFO");
    CHECK(refusal_of({{.name = "base/5/1", .type = '3'}}) ==
          "archive '/b/base.tar' is refused: member 'base/5/1' is a device");
}

TEST_CASE("refuses a control character in a name and does not print it") {
    CHECK(refusal_of({{.name = "base/5/1\n2"}}) ==
          "archive '/b/base.tar' is refused: member 'base/5/1\\x0a2' has a control character in its name");
    CHECK(refusal_of({{.name = "base/\x1b[2J"}}) ==
          "archive '/b/base.tar' is refused: member 'base/\\x1b[2J' has a control character in its name");
}

TEST_CASE("refuses a sparse file") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    write(directory / "holes/hole", "x");
    std::filesystem::resize_file(directory / "holes/hole", 4U << 20);
    // Two archives in one would be found too, so the sparse member comes alone.
    const auto packed = std::system(
        ("tar --sparse -cf " + (directory / "b/base.tar").string() + " -C " + (directory / "holes").string() + " hole")
            .c_str());
    REQUIRE(packed == 0);
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message ==
          "archive '" + (directory / "b/base.tar").string() + "' is refused: member 'hole' is a sparse file");
}

TEST_CASE("a member beneath a tablespace's link does not go through it") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.wal.push_back({.name = "../pg_tblspc/16384/x"});
    sample.seal();
    sample.write_tar(directory / "b");
    const auto failed = restore_into(directory / "b", directory / "data", {{"/prod/fast", directory / "fast"}});
    REQUIRE_FALSE(failed.has_value());
    CHECK_THAT(failed.error().message, ContainsText("member '../pg_tblspc/16384/x' leads out of its directory"));
    CHECK_FALSE(std::filesystem::exists(directory / "fast/x"));
}

TEST_CASE("a directory cannot take the place of a tablespace's link") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.add_tablespace(16384, "/prod/fast");
    sample.base.push_back({.name = "pg_tblspc/16384/", .type = '5'});
    sample.seal();
    sample.write_tar(directory / "b");
    const auto failed = restore_into(directory / "b", directory / "data", {{"/prod/fast", directory / "fast"}});
    REQUIRE_FALSE(failed.has_value());
    CHECK(failed.error().code == Errc::backup_corrupt);
    CHECK(failed.error().message ==
          "cannot create the link 'pg_tblspc/16384' in '" + (directory / "data").string() + "': File exists");
    CHECK_FALSE(std::filesystem::exists(directory / "data/global/pg_control"));
}

TEST_CASE("a file where a directory has to be is damage") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.remove("base/");
    sample.remove("base/5/");
    sample.base.insert(sample.base.begin(), {.name = "base", .content = "x"});
    sample.seal();
    sample.write_tar(directory / "b");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message ==
          "cannot create the directory 'base/5' in '" + (directory / "data").string() + "': Not a directory");
}

TEST_CASE("a bomb fills no more than the manifest allows") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.member("base/5/1259").content.assign(64U << 20, '\0');
    sample.base.push_back({.name = "bomb", .content = std::string(64U << 20, '\0')});
    sample.write_gzip(directory / "b");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.message ==
          "backup 'b' does not match its manifest: base/5/1259: is 67108864 bytes long, manifest says "
          "8192; bomb: not in the manifest");
    CHECK(std::filesystem::file_size(directory / "data/base/5/1259") == 8192);
    CHECK_FALSE(std::filesystem::exists(directory / "data/bomb"));
}

TEST_CASE("a control file that is too large to be one is not written in part") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.member("global/pg_control").content.assign((1U << 20) + 1, 'p');
    sample.seal();
    sample.write_tar(directory / "b");
    CHECK(failure_of(directory / "b", directory / "data").message ==
          "archive '" + (directory / "b/base.tar").string() +
              "' is refused: member 'global/pg_control' is larger than 1 MiB");
}

TEST_CASE("a plain backup is refused its links, FIFOs and odd names too") {
    const TemporaryDirectory directory;
    Sample().write_plain(directory / "b");
    SECTION("a link") {
        std::filesystem::create_symlink("/etc/passwd", directory / "b/base/5/link");
        CHECK(failure_of(directory / "b", directory / "data").message ==
              "archive '" + (directory / "b").string() + "' is refused: member 'base/5/link' is a symbolic link");
    }
    SECTION("a FIFO") {
        REQUIRE(::mkfifo((directory / "b/base/fifo").c_str(), 0600) == 0);
        CHECK(failure_of(directory / "b", directory / "data").message ==
              "archive '" + (directory / "b").string() + "' is refused: member 'base/fifo' is a FIFO");
    }
    SECTION("a name of two lines") {
        write(directory / "b/base/a\nb", "");
        CHECK(failure_of(directory / "b", directory / "data").message ==
              "archive '" + (directory / "b").string() +
                  "' is refused: member 'base/a\\x0ab' has a control character in its name");
    }
}

}  // namespace
}  // namespace polygon::backup::test
