#include "common/backup/manifest.h"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "common/backup/wal_segments.h"
#include "tests/fuzz/subject.h"

namespace polygon::backup::fuzz {
namespace {

constexpr std::string_view kChecksumLine = "\n\"Manifest-Checksum\"";

bool is_plain_line(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return c >= 0x20 && c < 0x7f; });
}

// With a last line that says the right checksum of what is before it, as PostgreSQL writes it.
std::string resealed(std::string_view text) {
    const std::size_t line = text.rfind(kChecksumLine);
    std::string covered(text.substr(0, line));
    covered += '\n';
    return fmt::format("{}\"Manifest-Checksum\": \"{}\"}}\n", covered, checksum_of(ChecksumAlgorithm::sha256, covered));
}

void require_sound_file(const ManifestFile& file) {
    require(!file.path.empty(), "a file has no path");
    require(file.checksum_hex.size() == hex_length(file.algorithm), "a checksum has another length");
    require(file.checksum_hex.find_first_not_of("0123456789abcdef") == std::string::npos, "a checksum is not in hex");
}

void require_sound(const Manifest& manifest) {
    require(manifest.version == 1 || manifest.version == 2, "an unknown version");
    require(manifest.system_identifier.has_value() == (manifest.version == 2), "a system identifier out of place");
    require(is_plain_line(manifest.last_modified), "the time, which is printed, is not one plain line");
    std::set<std::string_view> paths;
    for (const ManifestFile& file : manifest.files) {
        require_sound_file(file);
        require(paths.insert(file.path).second, "a path comes twice");
    }
    for (const WalRange& range : manifest.wal_ranges) {
        require(range.timeline != 0, "a range has no timeline");
        require(parse_lsn(range.start_lsn) && parse_lsn(range.end_lsn), "a range has no positions");
    }
    const auto missing = WalSegments().find_missing(manifest);
    require(missing.has_value() == !manifest.wal_ranges.empty(), "no WAL came, and none is missing");
    require(!missing || missing->size() == 24, "a segment's name has another length");
}

Verdict feed(std::string_view text) {
    const auto manifest = parse_manifest(text);
    if (!manifest) {
        require_refusal_of_backup(manifest.error());
        return Verdict::refused;
    }
    require_sound(*manifest);
    return Verdict::accepted;
}

}  // namespace

Verdict feed_manifest(std::string_view bytes) {
    feed(resealed(bytes));
    return feed(bytes);
}

}  // namespace polygon::backup::fuzz
