// What libFuzzer calls; CMakeLists.txt says of which subject.
#include <cstddef>
#include <cstdint>

#include "tests/fuzz/subject.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const polygon::backup::fuzz::Subject& subject = polygon::backup::fuzz::subject_named(POLYGON_FUZZ_SUBJECT);
    subject.feed({reinterpret_cast<const char*>(data), size});
    return 0;
}
