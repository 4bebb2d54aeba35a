#include "common/postgres/wal_directory.h"

#include <fstream>
#include <set>

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;
using support::require;

void write(const Path& file, const std::string& text) {
    stdfs::create_directories(file.parent_path());
    std::ofstream(file) << text;
}

std::set<std::string> list(const Path& directory) {
    std::set<std::string> names;
    for (const auto& entry : stdfs::recursive_directory_iterator(directory))
        names.insert(entry.path().lexically_relative(directory).string());
    return names;
}

TEST_CASE("nothing but segments, histories and empty status files stays in pg_wal, wherever it is") {
    const support::Scratch scratch;
    const Path wal = scratch.path() / "elsewhere";
    for (const char* kept : {"000000020000000000000004", "00000002.history", "xlogtemp.77", "summaries/1.summary"})
        write(wal / kept, "x");
    for (const char* foreign : {".wal-g/prefetch/running/000000020000000000000005", "000000010000000000000003.partial",
                                "RECOVERYXLOG", "000000010000000000000002.00000028.backup", "00000002000000000000000g",
                                "00000002.histor", "tool/state", "archive_status/notes", "archive_status/tool/x.done"})
        write(wal / foreign, "secret");
    write(wal / "archive_status/000000020000000000000004.done", "");
    write(wal / "archive_status/000000020000000000000005.ready", "not empty");
    write(scratch.path() / "precious/000000020000000000000004", "somebody's");
    stdfs::create_directory_symlink(scratch.path() / "precious", wal / "000000020000000000000009");
    stdfs::create_directories(scratch.path() / "data");
    stdfs::create_directory_symlink(wal, scratch.path() / "data/pg_wal");

    REQUIRE(remove_foreign_wal(scratch.path() / "data").has_value());
    CHECK(list(wal) == std::set<std::string>{"000000020000000000000004", "00000002.history", "xlogtemp.77", "summaries",
                                             "summaries/1.summary", "archive_status",
                                             "archive_status/000000020000000000000004.done"});
    CHECK(stdfs::exists(scratch.path() / "precious/000000020000000000000004"));
    CHECK(remove_foreign_wal(scratch.path() / "data").has_value());
}

TEST_CASE("a data directory without pg_wal is an error that names it") {
    const support::Scratch scratch;
    const Status refused = remove_foreign_wal(scratch.path());
    REQUIRE_FALSE(refused.has_value());
    CHECK(refused.error().code == Errc::io);
    CHECK_THAT(refused.error().message, ContainsText("cannot list '" + (scratch.path() / "pg_wal").string() + "'"));
}

TEST_CASE("segments of another timeline, and those before a segment, are older than it") {
    const support::Scratch scratch;
    for (const char* name : {"000000010000000000000009", "000000020000000000000003", "000000020000000000000004",
                             "000000020000000000000005", "00000002.history"})
        write(scratch.path() / "pg_wal" / name, "");
    CHECK(require(find_older_segments(scratch.path(), "000000020000000000000004")) ==
          std::vector<std::string>{"000000010000000000000009", "000000020000000000000003"});
}

}  // namespace
}  // namespace polygon::postgres
