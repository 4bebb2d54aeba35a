#include "common/sanitize/masking/redaction.h"

#include "tests/support/catch.h"

namespace polygon::sanitize {
namespace {

std::string redacted(std::string_view sql) {
    return redact_literals(sql).text;
}

TEST_CASE("every form of a string literal is hidden") {
    CHECK(redacted("UPDATE c SET email = 'a@b', n = 7") == "UPDATE c SET email = '***', n = 7");
    CHECK(redacted("SELECT 'it''s', ''") == "SELECT '***', '***'");
    CHECK(redacted(R"(SELECT E'x\'secret' , e'\\', 'y')") == "SELECT '***' , '***', '***'");
    CHECK(redacted("SELECT U&'d\\0061t', u&'x', B'01', n'x', X'1F'") == "SELECT '***', '***', '***', '***', '***'");
    CHECK(redacted("DO $$ 'a' $x$ $$; SELECT $tag$ $$ secret $tag$ || $1") == "DO '***'; SELECT '***' || $1");
    CHECK(redacted("SELECT 'a'\n  'b'") == "SELECT '***' '***'");
    CHECK(redact_literals("SELECT 'it''s', E'a\\nb', $$c$$").literals == std::vector<std::string>{"it's", "anb", "c"});
}

TEST_CASE("what only looks like a literal does not hide where the next one begins") {
    CHECK(redacted("SELECT \"it's\", 'secret'") == "SELECT \"it's\", '***'");
    CHECK(redacted("SELECT 1 -- don't\n, 'secret'") == "SELECT 1 , '***'");
    CHECK(redacted("SELECT 1 /* don't /* nest' */ ' */, 'secret'") == "SELECT 1 , '***'");
    CHECK(redacted("SELECT a$b$, 'x$b$' FROM type'secret'") == "SELECT a$b$, '***' FROM type'***'");
    CHECK(redacted("SELECT '--', 'secret' -- 'x") == "SELECT '***', '***'");
    CHECK(redacted("SELECT \xe0\xb8\x81$x$secret$x$") == "SELECT \xe0\xb8\x81$x$secret$x$");  // an identifier
}

TEST_CASE("what is not closed is hidden to the end, and so is what two readings differ in") {
    CHECK(redacted("SELECT 'secret; SELECT 1") == "SELECT '***'");
    CHECK(redacted("SELECT E'secret\\'") == "SELECT '***'");
    CHECK(redacted("SELECT $x$ secret") == "SELECT '***'");
    CHECK(redacted("SELECT \"secret") == "SELECT '***'");
    CHECK(redacted("SELECT 1 /* secret") == "SELECT 1");
    CHECK(redacted(R"(SELECT 'a\', secret, 'b')") == "SELECT '***'");
}

TEST_CASE("a statement is shown on one line, cut between characters") {
    CHECK(redacted("\n  SELECT\t1,\r\n\x01 2 ;\n") == "SELECT 1, 2 ;");
    CHECK(shorten("abcdef", 6) == "abcdef");
    CHECK(shorten("abcdefg", 6) == "abc…");
    CHECK(shorten("aกกกก", 8) == "aก…");
}

}  // namespace
}  // namespace polygon::sanitize
