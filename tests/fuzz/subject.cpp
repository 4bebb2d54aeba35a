#include "tests/fuzz/subject.h"

#include <algorithm>
#include <array>

namespace polygon::backup::fuzz {
namespace {

constexpr std::array kSubjects = {
    Subject{"archive", feed_archive},
    Subject{"backup_label", feed_backup_label},
    Subject{"configuration", feed_configuration},
    Subject{"gzip", feed_gzip},
    Subject{"lz4", feed_lz4},
    Subject{"manifest", feed_manifest},
    Subject{"tablespace_map", feed_tablespace_map},
    Subject{"tar", feed_tar},
    Subject{"zstd", feed_zstd},
};

}  // namespace

void require_refusal_of_backup(const Error& error) {
    require(error.code == Errc::backup_corrupt || error.code == Errc::backup_incomplete,
            "the error is not one of the backup: " + error.message);
    const auto is_plain = [](unsigned char c) { return c >= 0x20 && c < 0x7f; };
    require(!error.message.empty() && std::all_of(error.message.begin(), error.message.end(), is_plain),
            "the message is not one plain line: " + error.message);
    require(!error.hint.empty(), "there is no hint with: " + error.message);
}

std::span<const Subject> subjects() {
    return kSubjects;
}

const Subject& subject_named(std::string_view name) {
    const auto found =
        std::find_if(kSubjects.begin(), kSubjects.end(), [&](const Subject& subject) { return subject.name == name; });
    require(found != kSubjects.end(), "no such subject");
    return *found;
}

}  // namespace polygon::backup::fuzz
