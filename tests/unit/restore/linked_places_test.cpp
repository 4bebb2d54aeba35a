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
    require(require_usable_places(node.places, {{"/prod/fast", (node.scratch.path() / "fast/").string()},
                                                {"/prod/new", (node.scratch.path() / "new/one").string()}}));
    // The link is renamed, not what is mounted behind it.
    stdfs::create_directory_symlink(kMountPoint, node.scratch.path() / "link");
    require(require_usable_places(node.places, {{"/prod/link", (node.scratch.path() / "link").string()}}));
}

TEST_CASE("a tablespace or a pg_wal that is a mount point is refused before anything stops") {
    const Node node;
    const auto check_refused = [&](const patroni::TextMap& tablespaces, const std::string& message) {
        const Status refused = require_usable_places(node.places, tablespaces);
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

Error refusal(const postgres::Places& places, const patroni::TextMap& tablespaces) {
    const Status refused = require_usable_places(places, tablespaces);
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::configuration);
    return refused.error();
}

TEST_CASE("a place whose name ends in a suffix of ours or of Patroni's is refused") {
    const Node node;
    const std::string root = node.scratch.path().string();
    const std::string why = ", which a rebuild and Patroni give to what they rename";
    for (const std::string suffix : {".staged", ".previous", ".failed"}) {
        INFO(suffix);
        const Error error = refusal(node.places, {{"/prod/fast", root + "/new" + suffix}});
        CHECK(error.message ==
              "the place of tablespace '/prod/fast', '" + root + "/new" + suffix + "' ends in '" + suffix + "'" + why);
        CHECK(error.hint == "Choose a name that does not end in .staged, .previous or .failed.");
        CHECK(refusal(node.places, {{"/prod/fast", root + "/new" + suffix + "/"}}).hint == error.hint);
        const std::string data = root + "/data" + suffix;
        CHECK(refusal(postgres::find_places(data + "/"), {}).message ==
              "data directory '" + data + "' ends in '" + suffix + "'" + why);
    }
    // A pg_wal elsewhere, discovered by its link.
    stdfs::remove(node.places.data / "pg_wal");
    stdfs::create_directory_symlink("../wal.previous", node.places.data / "pg_wal");
    CHECK(refusal(node.places, {}).message == "what a link of '" + node.places.data.string() + "' points to, '" + root +
                                                  "/wal.previous' ends in '.previous'" + why);
    stdfs::remove(node.places.data / "pg_wal");
    // Elsewhere in a path, or as a part of a name, it is nobody's business.
    require(require_usable_places(node.places, {{"/prod/fast.staged", root + "/x.staged/fast.stagedness"}}));
}

TEST_CASE("a place in another, or in what another is renamed to, is refused") {
    const Node node;
    const std::string root = node.scratch.path().string();
    const std::string data = node.places.data.string();
    CHECK(refusal(node.places, {{"/prod/a", data + "/a"}}).message ==
          "the place of tablespace '/prod/a', '" + data + "/a' is in '" + data +
              "', which is renamed together with data directory '" + data + "'");
    CHECK(refusal(node.places, {{"/prod/a", data + ".staged/a"}}).message ==
          "the place of tablespace '/prod/a', '" + data + ".staged/a' is in '" + data +
              ".staged', which is renamed together with data directory '" + data + "'");
    // In the place of a tablespace that the polygon has now, which its link tells.
    CHECK_THAT(refusal(node.places, {{"/prod/a", root + "/fast/a"}}).message,
               ContainsText("is in '" + root + "/fast'"));
    CHECK_THAT(refusal(node.places, {{"/prod/a", root + "/x"}, {"/prod/b", root + "/x/./y/"}}).message,
               ContainsText("'/prod/b', '" + root + "/x/./y/' is in '" + root + "/x'"));
    // The data directory in a tablespace.
    CHECK_THAT(refusal(node.places, {{"/prod/a", root}}).message, ContainsText("is in '" + root + "'"));
    // By way of a link.
    stdfs::create_directory_symlink(node.places.data, node.scratch.path() / "alias");
    CHECK_THAT(refusal(node.places, {{"/prod/a", root + "/alias/a"}}).message, ContainsText("is in '" + data + "'"));
    // Where production had a tablespace, and where the leader has it: two names of one place.
    require(require_usable_places(node.places, {{"/prod/a", root + "/a"}, {"/leader/a", root + "/a"}}));
    require(require_usable_places(node.places, {{"/prod/a", root + "/a"}, {"/prod/ab", root + "/ab"}}));
}

}  // namespace
}  // namespace polygon::bootstrap
