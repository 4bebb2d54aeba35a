// What is fuzzed. A subject takes any bytes at all and holds the code that reads them to what is true of all bytes.
#pragma once

#include <span>
#include <stdexcept>
#include <string>
#include <string_view>

#include "common/base/error.h"

namespace polygon::backup::fuzz {

// A defect. Not caught: a fuzzer stops at it and keeps the input, the replay's test case fails.
struct Violation : std::logic_error {
    using std::logic_error::logic_error;
};

inline void require(bool holds, const std::string& what) {
    if (!holds) throw Violation(what);
}

// What hostile bytes may lead to: one line that draws nothing on a terminal, and a hint.
void require_refusal_of_backup(const Error& error);

enum class Verdict { accepted, refused };

// Each takes the bytes as they are, and says what came of that. Where a checksum would keep nearly all mutations from
// the code behind it, they are taken once more under the right one.
Verdict feed_archive(std::string_view bytes);
Verdict feed_backup_label(std::string_view bytes);
Verdict feed_configuration(std::string_view bytes);
Verdict feed_gzip(std::string_view bytes);
Verdict feed_lz4(std::string_view bytes);
Verdict feed_manifest(std::string_view bytes);
Verdict feed_tablespace_map(std::string_view bytes);
Verdict feed_tar(std::string_view bytes);
Verdict feed_zstd(std::string_view bytes);

struct Subject {
    std::string_view name;  // also of its folder in corpus/ and of its fuzzer
    Verdict (*feed)(std::string_view bytes);
};
std::span<const Subject> subjects();
const Subject& subject_named(std::string_view name);

}  // namespace polygon::backup::fuzz
