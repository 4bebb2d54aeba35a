// What the tar reader makes of bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/backup/input/member_reader.h"
#include "tests/fuzz/cut_source.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {

struct SeenMember {
    std::string path;
    Member::Type type = Member::Type::file;
    std::uint64_t size_bytes = 0;  // of the content that came
    std::string checksum;          // of it, CRC-32C

    bool operator==(const SeenMember&) const = default;
};

struct SeenArchive {
    Verdict verdict = Verdict::refused;
    std::vector<SeenMember> members;  // those before the error, if there was one

    bool operator==(const SeenArchive&) const = default;
};

std::unique_ptr<MemberReader> open_tar(std::string_view bytes, Cut cut);

// Reads all of it, and holds each member to what MemberReader promises.
SeenArchive read_tar(std::string_view bytes, Cut cut);

// With the right checksum in every block that looks like a header of ustar or of GNU tar.
std::string with_header_checksums(std::string_view bytes);

}  // namespace polygon::backup::fuzz
