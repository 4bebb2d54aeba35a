#include "common/postgres/configuration_file.h"

#include "tests/support/catch.h"

namespace polygon::postgres {
namespace {

using Lines = std::vector<ConfigurationLine>;

std::string value_of(const std::string& line) {
    const ConfigurationText text = parse_configuration(line);
    INFO(line);
    REQUIRE(text.unreadable.empty());
    REQUIRE(text.lines.size() == 1);
    return text.lines.front().value;
}

TEST_CASE("reads settings with and without an equals sign, with comments, blanks and a carriage return") {
    const ConfigurationText text = parse_configuration(
        "# a comment\n"
        "\n"
        "work_mem = 4MB  # more\n"
        "  Lc_Time\t'C'\r\n"
        "cron.database_name='jobs'#x\n"
        "port=5433");
    CHECK(text.lines ==
          Lines{{"work_mem", "4MB", 3}, {"lc_time", "C", 4}, {"cron.database_name", "jobs", 5}, {"port", "5433", 6}});
    CHECK(text.unreadable.empty());
}

TEST_CASE("takes quotes and backslashes as PostgreSQL does") {
    CHECK(value_of("a = 'it''s'") == "it's");
    CHECK(value_of(R"(a = 'it\'s # no comment')") == "it's # no comment");
    CHECK(value_of(R"(a = 'tab\tline\nback\\slash')") == "tab\tline\nback\\slash");
    CHECK(value_of(R"(a = '\101\60')") == "A0");
    CHECK(value_of(R"(a = '\q')") == "q");
    CHECK(value_of("a = ''") == "");
    CHECK(value_of("a = ''''") == "'");
}

TEST_CASE("takes bare words and numbers") {
    CHECK(value_of("timezone = Europe/Berlin") == "Europe/Berlin");
    CHECK(value_of("a = -1") == "-1");
    CHECK(value_of("a = 0x1F") == "0x1F");
    CHECK(value_of("a = .5") == ".5");
    CHECK(value_of("a 1.5e-3") == "1.5e-3");
    CHECK(value_of("a = m\xc3\xbcnchen") == "m\xc3\xbcnchen");
}

TEST_CASE("a line that PostgreSQL refuses is counted, and the others are read") {
    const ConfigurationText text = parse_configuration(
        "= 1\n"
        "a\n"
        "b =\n"
        "c = 'open\n"
        "d = 1 2\n"
        "e = 'x' y\n"
        "1f = 2\n"
        "g = 'end\\\n"
        "h = 3\n"
        "\xff\x01\n"
        "i = *\n");
    CHECK(text.lines == Lines{{"h", "3", 9}});
    CHECK(text.unreadable == std::vector<int>{1, 2, 3, 4, 5, 6, 7, 8, 10, 11});
}

TEST_CASE("any bytes are read without harm") {
    const std::string bytes("a = 'x\0y'\n\0\0\nb\0= 1\nc = 2", 24);
    const ConfigurationText text = parse_configuration(bytes);
    CHECK(text.lines.front().value == std::string("x\0y", 3));
    CHECK(text.unreadable == std::vector<int>{2, 3});
    CHECK(parse_configuration("").lines.empty());
}

TEST_CASE("include directives are lines like others") {
    const ConfigurationText text =
        parse_configuration("include 'a b.conf'\nINCLUDE_DIR = 'conf.d'\ninclude_if_exists x.conf\n");
    CHECK(text.lines ==
          Lines{{"include", "a b.conf", 1}, {"include_dir", "conf.d", 2}, {"include_if_exists", "x.conf", 3}});
}

TEST_CASE("splits a list of libraries") {
    using Names = std::vector<std::string>;
    CHECK(split_library_list("") == Names{});
    CHECK(split_library_list("  ") == Names{});
    CHECK(split_library_list("pg_cron, $libdir/b ,/opt/c d.so") == Names{"pg_cron", "$libdir/b", "/opt/c d.so"});
    CHECK(split_library_list("\"a,b\" , \"q\"\"q\"") == Names{"a,b", "q\"q"});
    for (const char* refused : {"a,", ",a", "a,,b", "\"open", "\"a\" b"}) {
        INFO(refused);
        CHECK_FALSE(split_library_list(refused).has_value());
    }
}

}  // namespace
}  // namespace polygon::postgres
