// Names and sizes in all the ways in which a tar archive can say them, and members in each other's way.
#include <cstdlib>
#include <filesystem>

#include <fmt/format.h>

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"
#include "tests/unit/backup/block_source.h"

namespace polygon::backup::test {
namespace {

const std::string kOddHint = "PostgreSQL writes no such member; find out where this backup comes from.";

// The first header of `member` with other bytes at a place in it, and the right checksum again.
std::string patched(std::string member, std::size_t at, const std::string& bytes) {
    member.replace(at, bytes.size(), bytes);
    member.replace(148, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < 512; ++i)
        sum += static_cast<unsigned char>(member[i]);
    return member.replace(148, 7, fmt::format("{:06o}", sum) + std::string(1, '\0'));
}

constexpr std::size_t kSizeField = 124;

std::string base_256(std::uint64_t size) {
    std::string field(12, '\0');
    for (std::size_t i = 11; i > 3; --i, size >>= 8)
        field[i] = static_cast<char>(size & 0xff);
    field[0] = '\x80';
    return field;
}

// "30 mtime=…\n": the length counts its own digits.
std::string pax_record(const std::string& key, const std::string& value) {
    const std::string rest = " " + key + "=" + value + "\n";
    std::size_t length = rest.size() + 1;
    while (std::to_string(length).size() + rest.size() != length)
        ++length;
    return std::to_string(length) + rest;
}

// What it says stands above what the header of the member behind it says.
std::string pax_header(const std::string& records) {
    return tar_member({.name = "PaxHeaders/x", .content = records, .type = 'x'});
}

std::string gnu_long_name(const std::string& name) {
    return tar_member({.name = "././@LongLink", .content = name + std::string(1, '\0'), .type = 'L'});
}

// The sample's base archive, in which the bytes of one member are others.
class Site {
  public:
    explicit Site(const std::string& changed_member = "base/5/1259") : changed_(changed_member) {}

    Sample& sample() { return sample_; }

    Result<Restored> restore_with(const std::string& bytes) const {
        sample_.write_tar(directory_ / "b");
        std::string archive;
        for (const TarMember& member : sample_.base)
            archive += member.name == changed_ ? bytes : tar_member(member);
        write(directory_ / "b/base.tar", archive + std::string(1024, '\0'));
        std::filesystem::remove_all(directory_ / "data");
        return restore_into(directory_ / "b", directory_ / "data");
    }

    void check_restored(const std::string& bytes) const {
        const auto restored = restore_with(bytes);
        INFO((restored ? "" : restored.error().message));
        REQUIRE(restored.has_value());
        CHECK((read(directory_ / "data" / changed_) == content()));
    }

    Error failure_with(const std::string& bytes) const {
        const auto failed = restore_with(bytes);
        REQUIRE_FALSE(failed.has_value());
        CHECK(failed.error().code == Errc::backup_corrupt);
        CHECK_FALSE(std::filesystem::exists(directory_ / "data/global/pg_control"));
        CHECK_FALSE(std::filesystem::exists(directory_ / "escaped"));
        return failed.error();
    }

    std::string refusal_of(const std::string& bytes) const {
        const Error error = failure_with(bytes);
        CHECK(error.hint == kOddHint);
        return replaced(error.message, directory_ / "b/base.tar", "b");
    }

    std::string content() const {
        for (const TarMember& member : sample_.base) {
            if (member.name == changed_) return member.content;
        }
        return {};
    }

  private:
    std::string changed_;
    Sample sample_;
    TemporaryDirectory directory_;
};

TEST_CASE("takes sizes in base 256, and sizes and names of pax and GNU headers") {
    const Site site;
    const std::string header_and_content = tar_member({.name = "base/5/1259", .content = site.content()});
    const std::string under_other_name = tar_member({.name = "x", .content = site.content()});
    SECTION("base 256") {
        site.check_restored(patched(header_and_content, kSizeField, base_256(8192)));
    }
    SECTION("pax size") {
        site.check_restored(pax_header(pax_record("size", "8192")) +
                            patched(header_and_content, kSizeField, "00000000000"));
    }
    SECTION("pax path") {
        site.check_restored(pax_header(pax_record("path", "base/5/1259")) + under_other_name);
    }
    SECTION("pax times and a comment") {
        site.check_restored(pax_header(pax_record("mtime", "1732000000.123456789") + pax_record("comment", "hello")) +
                            header_and_content);
    }
    SECTION("GNU long name") {
        site.check_restored(gnu_long_name("./base//5/1259") + under_other_name);
    }
}

TEST_CASE("takes a name that is longer than a header has room for") {
    const std::string name = "base/5/" + std::string(200, 'n');
    Site site(name);
    site.sample().base.push_back({.name = name, .content = "long"});
    site.sample().seal();
    const std::string member = tar_member({.name = "x", .content = "long"});
    SECTION("GNU") {
        site.check_restored(gnu_long_name(name) + member);
    }
    SECTION("pax") {
        site.check_restored(pax_header(pax_record("path", name)) + member);
    }
}

TEST_CASE("names that lead out are refused in pax and GNU headers too") {
    const Site site;
    const std::string member = tar_member({.name = "base/5/1259", .content = site.content()});
    CHECK(site.refusal_of(pax_header(pax_record("path", "../escaped")) + member) ==
          "archive 'b' is refused: member '../escaped' leads out of its directory");
    CHECK(site.refusal_of(gnu_long_name("base/5/../../../escaped") + member) ==
          "archive 'b' is refused: member 'base/5/../../../escaped' leads out of its directory");
    CHECK(site.refusal_of(pax_header(pax_record("path", "/tmp/polygon-escaped")) + member) ==
          "archive 'b' is refused: member '/tmp/polygon-escaped' has an absolute name");
    CHECK(site.refusal_of(pax_header(pax_record("path", "base/5/1259\nx")) + member) ==
          "archive 'b' is refused: member 'base/5/1259\\x0ax' has a control character in its name");
    CHECK(site.refusal_of(pax_header(pax_record("linkpath", "../escaped")) +
                          tar_member({.name = "base/5/1259", .type = '2', .link = "1260"})) ==
          "archive 'b' is refused: member 'base/5/1259' is a symbolic link");
}

TEST_CASE("a name ends at a NUL, and what it is then has to be in the manifest") {
    const Site site;
    const std::string member = tar_member({.name = "base/5/1259", .content = site.content()});
    const std::string hidden = "base/5/1260" + std::string(1, '\0') + "/../../../escaped";
    const Error error = site.failure_with(pax_header(pax_record("path", hidden)) + member);
    CHECK_THAT(error.message, ContainsText("base/5/1259: missing"));
}

TEST_CASE("sizes that no file has are damage, and nothing is allocated for them") {
    const Site site;
    const std::string member = tar_member({.name = "base/5/1259", .content = site.content()});
    for (const std::string& bytes :
         {patched(member, kSizeField, base_256(1ULL << 62)), patched(member, kSizeField, std::string(12, '\xff')),
          pax_header(pax_record("size", "9223372036854775807")) + member,
          pax_header(pax_record("size", "99999999999999999999999")) + member,
          pax_header(pax_record("size", "-1")) + member}) {
        const Error error = site.failure_with(bytes);
        CHECK_THAT(error.message, ContainsText("/b/base.tar' is damaged: "));
        CHECK(error.hint == kCopyAgainHint);
    }
}

TEST_CASE("a size other than that of what is stored is damage, whatever the name of the record") {
    const Site site;
    const std::string member = tar_member({.name = "base/5/1259", .content = site.content()});
    for (const char* size : {"4096", "16384"}) {
        const Error error = site.failure_with(pax_header(pax_record("GNU.sparse.size", size)) + member);
        CHECK_THAT(error.message, ContainsText("/b/base.tar' is damaged: a member is not as long as it says"));
        CHECK(error.hint == kCopyAgainHint);
    }
}

TEST_CASE("refuses every sparse format of GNU tar") {
    const TemporaryDirectory directory;
    Sample().write_tar(directory / "b");
    write(directory / "holes/hole", "x");
    std::filesystem::resize_file(directory / "holes/hole", 4U << 20);
    for (const char* format : {"--format=gnu", "--format=posix --sparse-version=0.0",
                               "--format=posix --sparse-version=0.1", "--format=posix --sparse-version=1.0"}) {
        INFO(format);
        const std::string packing = fmt::format("tar --sparse {} -cf {} -C {} hole", format,
                                                (directory / "b/base.tar").string(), (directory / "holes").string());
        REQUIRE(std::system(packing.c_str()) == 0);
        const Error error = failure_of(directory / "b", directory / "data");
        CHECK(error.code == Errc::backup_corrupt);
        CHECK_THAT(error.message, ContainsText("is a sparse file"));
        CHECK(error.hint == kOddHint);
        std::filesystem::remove_all(directory / "data");
    }
}

TEST_CASE("a file in a directory's place and a directory in a file's are damage") {
    const TemporaryDirectory directory;
    Sample sample;
    const std::string data = (directory / "data").string();
    std::string expected;
    SECTION("a file") {
        sample.base.push_back({.name = "base/5", .content = "x"});
        expected = "cannot create 'base/5' in '" + data + "': File exists";
    }
    SECTION("a directory") {
        sample.base.push_back({.name = "base/5/1259/", .type = '5'});
        expected = "cannot create the directory 'base/5/1259' in '" + data + "': Not a directory";
    }
    SECTION("a file beneath a file") {
        sample.base.push_back({.name = "base/5/1259/1", .content = "x"});
        expected = "cannot create the directory 'base/5/1259' in '" + data + "': Not a directory";
    }
    sample.seal();
    sample.write_tar(directory / "b");
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message == expected);
    CHECK(error.hint == kCopyAgainHint);
}

TEST_CASE("a file among the WAL that is larger than any segment is refused before it is written") {
    const TemporaryDirectory directory;
    Sample().write_plain(directory / "b");
    write(directory / "b/pg_wal/000000010000000000000002", "");
    std::filesystem::resize_file(directory / "b/pg_wal/000000010000000000000002", (1ULL << 30) + 1);
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.code == Errc::backup_corrupt);
    CHECK(error.message == "archive '" + (directory / "b").string() +
                               "' is refused: member 'pg_wal/000000010000000000000002' is larger than any WAL segment");
    CHECK(error.hint == kOddHint);
    CHECK_FALSE(std::filesystem::exists(directory / "data/pg_wal/000000010000000000000002"));
}

TEST_CASE("a gzip bomb behind the end of the archive fills neither disk nor memory") {
    const TemporaryDirectory directory;
    Sample sample;
    sample.write_gzip(directory / "b");
    const std::string zeros = gzip(std::string(32U << 20, '\0'));
    std::string bomb = gzip(tar(sample.base));
    for (int i = 0; i < 8; ++i)
        bomb += zeros;
    write(directory / "b/base.tar.gz", bomb + gzip("x"));
    const Error error = failure_of(directory / "b", directory / "data");
    CHECK(error.message == "archive '" + (directory / "b/base.tar.gz").string() +
                               "' is damaged: something follows its end-of-archive marker");
}

}  // namespace
}  // namespace polygon::backup::test
