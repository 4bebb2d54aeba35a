#include "common/postgres/binaries.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::postgres {
namespace {

namespace stdfs = std::filesystem;

// A program that says that it is of that version.
void write_program(const stdfs::path& path, const std::string& version) {
    std::ofstream(path) << "#!/bin/sh\necho '" << path.filename().string() << " (PostgreSQL) " << version << "'\n";
    stdfs::permissions(path, stdfs::perms::owner_all);
}

TEST_CASE("what combines incremental backups has to be there, and of the backup's version") {
    const support::Scratch scratch;
    const stdfs::path program = scratch.path() / "pg_combinebackup";
    SECTION("it is") {
        write_program(program, "17.6 (Debian 17.6-1)");
        const Binaries found = support::require(find_combiner(scratch.path(), 17, system_clock()));
        CHECK(found.program("pg_combinebackup") == program.string());
        CHECK(found.major_version == 17);
    }
    SECTION("it is of another version") {
        write_program(program, "18.0");
        const auto found = find_combiner(scratch.path(), 17, system_clock());
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Errc::version_mismatch);
        CHECK(found.error().message ==
              "the programs in '" + scratch.path().string() + "' are of PostgreSQL 18, the backup is of 17");
    }
    SECTION("it is missing there") {
        const auto found = find_combiner(scratch.path(), 17, system_clock());
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Errc::process_failed);
        CHECK_THAT(found.error().message,
                   ContainsText("an incremental backup cannot be combined: cannot run '" + program.string() + "': "));
        CHECK(found.error().hint ==
              "Install it (Debian's package postgresql-client-17), or name the folder of PostgreSQL 17's programs.");
    }
    SECTION("it is missing everywhere") {
        const auto found = find_combiner("", 98, system_clock());
        REQUIRE_FALSE(found.has_value());
        CHECK(found.error().code == Errc::process_failed);
        CHECK(found.error().message == "no pg_combinebackup of PostgreSQL 98 to combine an incremental backup with");
    }
}

TEST_CASE("the library directory is found from the program, through links, and only with plpgsql in it") {
    const support::Scratch scratch;
    const stdfs::path root = stdfs::canonical(scratch.path());
    stdfs::create_directories(root / "real/bin");
    stdfs::create_directories(root / "real/lib/postgresql");
    stdfs::create_directories(root / "links");
    write_program(root / "real/bin/postgres", "15.1");
    stdfs::create_symlink(root / "real/bin/postgres", root / "links/postgres");
    const Binaries binaries{.directory = root / "links", .major_version = 15};
    CHECK_FALSE(find_library_directory(binaries).has_value());
    std::ofstream(root / "real/lib/postgresql/plpgsql.so") << "x";
    CHECK(find_library_directory(binaries) == root / "real/lib/postgresql");
    std::ofstream(root / "real/lib/plpgsql.so") << "x";
    CHECK(find_library_directory(binaries) == root / "real/lib");
    CHECK_FALSE(find_library_directory({.directory = root, .major_version = 15}).has_value());
}

}  // namespace
}  // namespace polygon::postgres
