#include "common/base/printable.h"

#include "tests/support/catch.h"

namespace polygon {
namespace {

TEST_CASE("what draws on a terminal or breaks a line is told by its bytes") {
    CHECK(printable("evil\n  ok   x\r\t\x1b[2J\a\x7f") == "evil\\x0a  ok   x\\x0d\\x09\\x1b[2J\\x07\\x7f");
    CHECK(printable(std::string_view("a\0b", 3)) == "a\\x00b");
    CHECK(printable("\xc2\x9b"
                    "2J") == "\\xc2\\x9b2J");                     // CSI of C1
    CHECK(printable("a\xe2\x80\xa8z") == "a\\xe2\\x80\\xa8z");    // a line separator
    CHECK(printable("a\xe2\x80\xaeko") == "a\\xe2\\x80\\xaeko");  // from right to left
}

TEST_CASE("text of any script stays, and so does a backslash") {
    for (const char* text : {"ลูกค้า", "é ß ж 漢字 😀", "C:\\x0a", "tilde ~", ""})
        CHECK(printable(text) == text);
    CHECK(printable(printable("a\nb")) == printable("a\nb"));
}

TEST_CASE("what is no UTF-8 is told by its bytes, and the rest after it stays") {
    CHECK(printable("\xff ok") == "\\xff ok");
    CHECK(printable("\xe0\xb8") == "\\xe0\\xb8");
    CHECK(printable("\xe0\xb8z") == "\\xe0\\xb8z");
    CHECK(printable("\xc0\x8a") == "\\xc0\\x8a");  // an overlong line feed
    CHECK(printable("\xe0\x80\x8a") == "\\xe0\\x80\\x8a");
    CHECK(printable("\xed\xa0\x80") == "\\xed\\xa0\\x80");  // a surrogate
    CHECK(printable("\xf4\x90\x80\x80") == "\\xf4\\x90\\x80\\x80");
}

TEST_CASE("what is UTF-8 is told by its bytes, strictly") {
    for (const char* text : {"", "plain", "größe", "размер", "\x01", "\xf0\x9f\x98\x80"})
        CHECK(is_utf8(text));
    for (const char* text : {"gr\xf6\xdf"
                             "e",
                             "\xc3", "\xc0\xaf", "\xed\xa0\x80", "\x80", "\xf5\x80\x80\x80"})
        CHECK_FALSE(is_utf8(text));
}

}  // namespace
}  // namespace polygon
