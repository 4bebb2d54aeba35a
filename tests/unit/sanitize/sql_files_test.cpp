#include "common/sanitize/masking/sql_files.h"

#include <fstream>

#include "tests/support/catch.h"
#include "tests/support/require.h"
#include "tests/support/scratch.h"

namespace polygon::sanitize {
namespace {

namespace stdfs = std::filesystem;
using support::require;

void write(const stdfs::path& path, const std::string& text) {
    std::ofstream(path, std::ios::binary) << text;
}

Error error_of(const stdfs::path& folder) {
    const auto found = find_sql_files(folder);
    REQUIRE_FALSE(found.has_value());
    CHECK(found.error().code == Errc::configuration);
    CHECK_FALSE(found.error().hint.empty());
    return found.error();
}

// Of a folder with this one file.
std::optional<std::string> database_of(const std::string& text) {
    const support::Scratch scratch;
    write(scratch.path() / "a.sql", text);
    return require(find_sql_files(scratch.path())).at(0).database;
}

std::string refusal_of(const std::string& text) {
    const support::Scratch scratch;
    write(scratch.path() / "a.sql", text);
    return error_of(scratch.path()).message;
}

TEST_CASE("files of SQL come in the order of their names' bytes, links too, hidden ones not") {
    const support::Scratch scratch;
    for (const char* name :
         {"9.sql", "10.sql", "a b'\".sql", "B.sql", "-x.sql", ".hidden.sql", "notes.txt", "x.sql.bak"})
        write(scratch.path() / name, "SELECT 1;\n");
    stdfs::create_symlink(scratch.path() / "notes.txt", scratch.path() / "link.sql");
    std::vector<std::string> names;
    for (const SqlFile& file : require(find_sql_files(scratch.path()))) {
        names.push_back(file.name());
        CHECK(file.path == scratch.path() / file.name());
        CHECK_FALSE(file.database.has_value());
    }
    CHECK(names == std::vector<std::string>{"-x.sql", "10.sql", "9.sql", "B.sql", "a b'\".sql", "link.sql"});
}

TEST_CASE("the first line may name a database, with a byte order mark, blanks and CRLF around it") {
    CHECK(database_of("-- database: thai\nSELECT 1;") == "thai");
    CHECK(database_of("\xef\xbb\xbf-- database: thai\r\nSELECT 1;") == "thai");
    CHECK(database_of("  --\t database:  with blanks \" ' = \xe0\xb8\x81 \r\n") == "with blanks \" ' = \xe0\xb8\x81");
    CHECK(database_of("-- database:thai") == "thai");
}

TEST_CASE("another first line means every database") {
    for (const char* line :
         {"SELECT 1;", "-- customers and their orders", "-- data of customers", "-- date: 2026-11-20",
          "/* the database of customers */", "", "\n\n", "-- author: somebody", "--", "-- the database"}) {
        INFO(line);
        CHECK_FALSE(database_of(std::string(line) + "\nSELECT 1;").has_value());
    }
}

TEST_CASE("a first line that is nearly the header is refused") {
    for (const char* line : {"-- databse: x", "--database : x", "--database: x", "-- Database: x", "-- database = x",
                             "-- databases: x", "-- db: x", "-- dbname: x", "/* database: x */", "# database: x",
                             "-- datbase x", "-- database x", "-- database"}) {
        INFO(line);
        CHECK_THAT(refusal_of(std::string(line) + "\nSELECT 1;"),
                   ContainsText("/a.sql' is nearly '-- database: NAME': '" + std::string(line) + "'"));
    }
}

TEST_CASE("a header without a name, and one that is not in the first line, are refused") {
    CHECK_THAT(refusal_of("-- database: \nSELECT 1;"), ContainsText("/a.sql' names no database: '-- database:'"));
    CHECK_THAT(refusal_of("-- (c) somebody\n\n-- database: thai\nSELECT 1;"),
               ContainsText("'-- database:' stands in line 3 of '"));
    CHECK_FALSE(database_of("SELECT 1;\n-- database: thai\n").has_value());
}

TEST_CASE("whatever would leave something unmasked in silence is an error") {
    const support::Scratch scratch;
    const stdfs::path folder = scratch.path() / "sql.d";
    CHECK(error_of(folder).message ==
          "cannot read the folder '" + folder.string() + "' of polygon.sql: No such file or directory");
    stdfs::create_directory(folder);
    CHECK(error_of(folder).message == "there is no *.sql in the folder '" + folder.string() + "' of polygon.sql");
    write(folder / "README", "nothing");
    CHECK_THAT(error_of(folder).message, ContainsText("there is no *.sql in"));
    stdfs::create_symlink("/nonexistent", folder / "a.sql");
    CHECK(error_of(folder).message == "cannot read '" + (folder / "a.sql").string() + "': No such file or directory");
    stdfs::remove(folder / "a.sql");
    stdfs::create_directory(folder / "a.sql");
    CHECK(error_of(folder).message == "'" + (folder / "a.sql").string() + "' is not a file");
    stdfs::remove(folder / "a.sql");
    write(folder / "a.sql", "");
    CHECK(error_of(folder).message == "'" + (folder / "a.sql").string() + "' is empty");
    CHECK_THAT(error_of(folder / "a.sql").message, ContainsText("Not a directory"));
}

}  // namespace
}  // namespace polygon::sanitize
