#include "bootstrap/restore/linked_places.h"

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using support::require;

// A mount point of every Linux.
constexpr const char* kMountPoint = "/proc";

struct Node {
    support::Scratch scratch;
    postgres::Places places = postgres::find_places(scratch.path() / "data");

    Node() {
        stdfs::create_directories(places.data / "pg_tblspc");
        stdfs::create_directories(scratch.path() / "fast");
        stdfs::create_directories(scratch.path() / "wal");
        stdfs::create_directory_symlink(scratch.path() / "fast", places.data / "pg_tblspc/16384");
        stdfs::create_directory_symlink("../wal", places.data / "pg_wal");
    }
};

TEST_CASE("a data directory's links are those of its tablespaces and of a pg_wal elsewhere") {
    const Node node;
    stdfs::create_directories(node.places.data / "pg_tblspc/16385");  // in place (PostgreSQL 15)
    CHECK(require(list_link_targets(node.places.data)) ==
          std::vector<postgres::Path>{node.scratch.path() / "wal", node.scratch.path() / "fast"});
    CHECK(require(list_link_targets(node.scratch.path() / "none")).empty());
}

TEST_CASE("what links point to and where tablespaces are to go can be renamed") {
    const Node node;
    require(require_links_movable(node.places, {{"/prod/fast", (node.scratch.path() / "fast/").string()},
                                                {"/prod/new", (node.scratch.path() / "new/one").string()}}));
    // The link is renamed, not what is mounted behind it.
    stdfs::create_directory_symlink(kMountPoint, node.scratch.path() / "link");
    require(require_links_movable(node.places, {{"/prod/link", (node.scratch.path() / "link").string()}}));
}

TEST_CASE("a tablespace or a pg_wal that is a mount point is refused before anything stops") {
    const Node node;
    const auto check_refused = [&](const patroni::TextMap& tablespaces, const std::string& message) {
        const Status refused = require_links_movable(node.places, tablespaces);
        REQUIRE_FALSE(refused.has_value());
        CHECK(refused.error().code == Errc::data_directory_invalid);
        CHECK(refused.error().message == message);
        CHECK(refused.error().hint == "Let it be a subdirectory of the mount, in a directory of Patroni's user.");
    };
    const std::string place = "the place of tablespace '/prod/fast', '/proc' is a mount point and cannot be renamed";
    check_refused({{"/prod/fast", "/proc"}}, place);
    check_refused({{"/prod/fast", "/proc/"}}, place);
    const std::string target =
        "what a link of '" + node.places.data.string() + "' points to, '/proc' is a mount point and cannot be renamed";
    stdfs::create_directory_symlink(kMountPoint, node.places.data / "pg_tblspc/16385");
    check_refused({}, target);
    stdfs::remove(node.places.data / "pg_tblspc/16385");
    stdfs::remove(node.places.data / "pg_wal");
    stdfs::create_directory_symlink(kMountPoint, node.places.data / "pg_wal");
    check_refused({}, target);
}

}  // namespace
}  // namespace polygon::bootstrap
