#include "common/etcd/base64.h"

#include "tests/support/catch.h"

namespace polygon::etcd {
namespace {

TEST_CASE("writes and reads the vectors of RFC 4648") {
    const std::pair<std::string, std::string> vectors[] = {{"", ""},
                                                           {"f", "Zg=="},
                                                           {"fo", "Zm8="},
                                                           {"foo", "Zm9v"},
                                                           {"foob", "Zm9vYg=="},
                                                           {"fooba", "Zm9vYmE="},
                                                           {"foobar", "Zm9vYmFy"},
                                                           {std::string("\0\xff\0", 3), "AP8A"}};
    for (const auto& [bytes, text] : vectors) {
        CHECK(base64_encode(bytes) == text);
        CHECK(base64_decode(text) == bytes);
    }
}

TEST_CASE("refuses what is not base64") {
    for (const char* text : {"Z", "Zg=", "Zg==Zg==", "====", "Z===", "Zm9\n", " Zm9", "Zm9v!Zm9", "Z=g="}) {
        CAPTURE(text);
        CHECK_FALSE(base64_decode(text).has_value());
    }
}

}  // namespace
}  // namespace polygon::etcd
