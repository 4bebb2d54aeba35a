#include "bootstrap/restore/staging/old_data.h"

#include <fstream>

#include "common/postgres/generation_marker.h"
#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::bootstrap {
namespace {

namespace stdfs = std::filesystem;
using support::require;

void fill(const stdfs::path& directory) {
    stdfs::create_directories(directory / "global");
    std::ofstream(directory / "global/pg_control") << std::string(100'000, 'x');
}

struct Node {
    support::Scratch scratch;
    postgres::Places places = postgres::find_places(scratch.path() / "data");

    // With a tablespace and a pg_wal of the same suffix, and a tablespace that was not renamed.
    void make(const std::string& suffix) const {
        const stdfs::path directory = places.data.string() + suffix;
        fill(directory);
        stdfs::create_directories(directory / "pg_tblspc");
        for (const std::string& target : {"fast" + suffix, "wal" + suffix, std::string("alive")})
            fill(scratch.path() / target);
        stdfs::create_directory_symlink(scratch.path() / ("fast" + suffix), directory / "pg_tblspc/1");
        stdfs::create_directory_symlink(scratch.path() / "alive", directory / "pg_tblspc/2");
        stdfs::create_directory_symlink(scratch.path() / ("wal" + suffix), directory / "pg_wal");
    }
    void mark_failed() const { require(postgres::write_marker(failed_place(places), {.generation = "g1"})); }
    bool has(const std::string& name) const { return stdfs::exists(scratch.path() / name); }
};

TEST_CASE("what a rebuild will remove is counted, with what its links point to, and nothing that is used") {
    const Node node;
    CHECK(require(find_old_data(node.places)).empty());
    node.make(".previous");
    node.make(".failed");
    const auto previous = require(find_old_data(node.places));
    REQUIRE(previous.size() == 3);
    for (const OldTree& tree : previous) {
        CHECK(tree.path.string().ends_with(".previous"));
        CHECK(tree.bytes >= 100'000);
    }
    node.mark_failed();
    const auto both = require(find_old_data(node.places));
    REQUIRE(both.size() == 6);
    CHECK(both.back().path == node.scratch.path() / "data.failed");
}

TEST_CASE("a clone whose bootstrap failed is removed with what Patroni renamed along with it") {
    const Node node;
    node.make(".failed");
    node.mark_failed();
    require(remove_failed_clone(node.places));
    for (const char* gone : {"data.failed", "fast.failed", "wal.failed"})
        CHECK_FALSE(node.has(gone));
    CHECK(node.has("alive/global/pg_control"));
    require(remove_failed_clone(node.places));
}

TEST_CASE("a failed data directory that is not known to be ours is left alone") {
    const Node node;
    node.make(".failed");
    require(remove_failed_clone(node.places));
    CHECK(node.has("data.failed/global/pg_control"));
    CHECK(node.has("fast.failed/global/pg_control"));
    node.mark_failed();
    stdfs::rename(node.scratch.path() / "data.failed", node.scratch.path() / "elsewhere");
    stdfs::create_directory_symlink(node.scratch.path() / "elsewhere", node.scratch.path() / "data.failed");
    require(remove_failed_clone(node.places));
    CHECK(node.has("elsewhere/global/pg_control"));
}

}  // namespace
}  // namespace polygon::bootstrap
