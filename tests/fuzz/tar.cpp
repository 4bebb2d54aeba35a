#include "tests/fuzz/tar_members.h"

namespace polygon::backup::fuzz {
namespace {

Verdict feed(std::string_view bytes) {
    const SeenArchive whole = read_tar(bytes, Cut::none);
    for (const Cut cut : {Cut::small, Cut::varying})
        require(read_tar(bytes, cut) == whole, "another cut of the archive gives something else");
    return whole.verdict;
}

}  // namespace

Verdict feed_tar(std::string_view bytes) {
    feed(with_header_checksums(bytes));
    return feed(bytes);
}

}  // namespace polygon::backup::fuzz
