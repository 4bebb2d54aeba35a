#include "common/backup/input/tar_reader.h"

#include "tests/support/catch.h"
#include "tests/unit/backup/archive_builder.h"

namespace polygon::backup::test {
namespace {

Result<std::vector<std::string>> list_and_read(const fs::Path& archive) {
    const auto reader = TRY(TarReader::open(archive));
    std::vector<std::string> seen;
    while (const auto member = TRY(reader->next())) {
        std::string content;
        while (true) {
            const Block block = TRY(reader->read());
            if (block.is_empty()) break;
            content.append(reinterpret_cast<const char*>(block.bytes.data()), block.bytes.size());
        }
        seen.push_back(member->path + "=" + content);
    }
    return seen;
}

std::string reason_of(const std::string& bytes) {
    const TemporaryDirectory directory;
    write(directory / "base.tar", bytes);
    const auto seen = list_and_read(directory / "base.tar");
    REQUIRE_FALSE(seen.has_value());
    CHECK(seen.error().code == Errc::backup_corrupt);
    return replaced(seen.error().message, directory.path(), "/b");
}

TEST_CASE("reads members, their names made simple") {
    const TemporaryDirectory directory;
    write(directory / "base.tar", tar({{.name = "./", .type = '5'},
                                       {.name = "./a//b", .content = "1"},
                                       {.name = "c/", .type = '5'},
                                       {.name = "d", .content = std::string(512, '2')},
                                       {.name = "e"}}));
    const auto seen = list_and_read(directory / "base.tar");
    REQUIRE(seen.has_value());
    CHECK(*seen == std::vector<std::string>{"=", "a/b=1", "c=", "d=" + std::string(512, '2'), "e="});
}

TEST_CASE("reads an archive that holds nothing, and one that GNU tar padded") {
    const TemporaryDirectory directory;
    write(directory / "base.tar", tar({}));
    CHECK(list_and_read(directory / "base.tar")->empty());
    write(directory / "padded.tar", tar({{.name = "a"}}) + std::string(8192, '\0'));
    CHECK(list_and_read(directory / "padded.tar")->size() == 1);
}

TEST_CASE("reads the many members of a few bytes of a large archive") {
    const TemporaryDirectory directory;
    std::vector<TarMember> members;
    for (int i = 0; i < 5000; ++i)
        members.push_back({.name = std::to_string(i), .content = "x"});
    write(directory / "base.tar.gz", gzip(tar(members)));
    CHECK(list_and_read(directory / "base.tar.gz")->size() == 5000);
}

TEST_CASE("finds an archive that lost its end") {
    const std::string whole = tar({{.name = "a", .content = std::string(600, 'a')}, {.name = "b", .content = "b"}});
    const std::string no_marker = "archive '/b/base.tar' is damaged: it ends without an end-of-archive marker";
    CHECK(reason_of(whole.substr(0, whole.size() - 1024)) == no_marker);
    CHECK(reason_of(whole.substr(0, whole.size() - 512)) == no_marker);
    CHECK(reason_of(whole.substr(0, 1536)) == no_marker);
    CHECK_THAT(reason_of(whole.substr(0, 900)),
               ContainsText("archive '/b/base.tar' is damaged: Truncated tar archive"));
    CHECK_THAT(reason_of(whole.substr(0, 1800)), ContainsText("archive '/b/base.tar' is damaged: "));
    CHECK_THAT(reason_of(""), ContainsText("archive '/b/base.tar' is damaged: "));
}

TEST_CASE("finds a lost end after a file of zeros, which looks like a marker") {
    const std::string whole = tar({{.name = "a", .content = std::string(4096, '\0')}});
    CHECK(reason_of(whole.substr(0, whole.size() - 1024)) ==
          "archive '/b/base.tar' is damaged: it ends without an end-of-archive marker");
}

TEST_CASE("takes no header without its member for a part of the end-of-archive marker") {
    const std::string pax = tar_member({.name = "PaxHeaders/x", .content = "10 path=b\n", .type = 'x'});
    const std::string volume = tar_member({.name = "volume", .type = 'V'});
    const std::string file = tar_member({.name = "a"});
    const std::string half_marker(512, '\0');
    for (const std::string& bytes : {file + pax, file + pax + half_marker, file + volume + half_marker}) {
        CHECK_THAT(reason_of(bytes), ContainsText("archive '/b/base.tar' is damaged: "));
    }
    CHECK(reason_of(file + volume + half_marker + "garbage" + std::string(505, '\0')) ==
          "archive '/b/base.tar' is damaged: something follows its end-of-archive marker");
}

TEST_CASE("finds what follows the end of an archive") {
    CHECK(reason_of(tar({{.name = "a"}}) + "garbage") ==
          "archive '/b/base.tar' is damaged: something follows its end-of-archive marker");
    CHECK(reason_of(tar({{.name = "a"}}) + std::string(3U << 20, '\0') + "garbage") ==
          "archive '/b/base.tar' is damaged: something follows its end-of-archive marker");
}

TEST_CASE("finds a damaged header") {
    std::string whole = tar({{.name = "a", .content = "1"}, {.name = "b"}});
    whole[1024 + 1] = 'x';
    CHECK_THAT(reason_of(whole), ContainsText("archive '/b/base.tar' is damaged: Damaged tar archive"));
}

TEST_CASE("refuses a compression that it does not know") {
    const auto reader = TarReader::open("/b/base.tar.xz");
    REQUIRE_FALSE(reader.has_value());
    CHECK(reader.error().code == Errc::unsupported);
    CHECK(reader.error().message == "archive '/b/base.tar.xz' is compressed in an unknown way");
    CHECK(reader.error().hint == "Archives end in .tar, .tar.gz, .tar.lz4 or .tar.zst, as pg_basebackup names them.");
}

}  // namespace
}  // namespace polygon::backup::test
