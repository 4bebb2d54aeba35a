#include "common/fs/file.h"

#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/catch.h"
#include "tests/support/scratch.h"

namespace polygon::fs {
namespace {

TEST_CASE("replaces a file as a whole, with the mode asked for, and leaves nothing beside it") {
    const support::Scratch scratch;
    const Path path = scratch.path() / "conf";
    REQUIRE(write_file_durably(path, "old", 0644).has_value());
    REQUIRE(write_file_durably(path, "new", 0600).has_value());
    CHECK(*read_file(path) == "new");
    struct stat found = {};
    REQUIRE(stat(path.c_str(), &found) == 0);
    CHECK((found.st_mode & 0777) == 0600);
    CHECK(std::distance(std::filesystem::directory_iterator(scratch.path()), {}) == 1);
}

TEST_CASE("names the file that cannot be read or written") {
    const support::Scratch scratch;
    const Path missing = scratch.path() / "none" / "file";
    const auto read = read_file(missing);
    REQUIRE_FALSE(read.has_value());
    CHECK(read.error().code == Errc::io);
    CHECK(read.error().message == "cannot open '" + missing.string() + "': No such file or directory");
    CHECK_FALSE(write_file_durably(missing, "").has_value());
}

TEST_CASE("a link is re-pointed in place") {
    const support::Scratch scratch;
    const Path link = scratch.path() / "link";
    REQUIRE(replace_link(link, "/one").has_value());
    REQUIRE(replace_link(link, "/two").has_value());
    CHECK(std::filesystem::read_symlink(link) == "/two");
}

TEST_CASE("removing a tree does not follow its links, and twice is as good as once") {
    const support::Scratch scratch;
    const Path outside = scratch.path() / "outside";
    const Path tree = scratch.path() / "tree";
    std::filesystem::create_directories(outside);
    std::filesystem::create_directories(tree / "a");
    REQUIRE(write_file_durably(outside / "kept", "x").has_value());
    REQUIRE(replace_link(tree / "a" / "link", outside).has_value());
    CHECK(remove_tree(tree).has_value());
    CHECK(remove_tree(tree).has_value());
    CHECK(std::filesystem::exists(outside / "kept"));
}

TEST_CASE("knows a mount point from a directory") {
    const support::Scratch scratch;
    CHECK(is_mount_point("/proc"));
    CHECK_FALSE(is_mount_point(scratch.path()));
    CHECK_FALSE(is_mount_point("/no/such/directory"));
}

}  // namespace
}  // namespace polygon::fs
