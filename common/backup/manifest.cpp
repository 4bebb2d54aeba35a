#include "common/backup/manifest.h"

#include <algorithm>
#include <cctype>
#include <numeric>
#include <unordered_set>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include "common/backup/damage.h"
#include "common/backup/wal_segments.h"
#include "common/base/ascii.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

using nlohmann::json;

Error invalid(std::string_view reason) {
    return {.code = Errc::backup_corrupt,
            .message = fmt::format("backup manifest is not valid: {}", reason),
            .hint = std::string(kCopyAgain)};
}

const json* member(const json& object, const char* key) {
    const auto found = object.find(key);
    return found == object.end() ? nullptr : &*found;
}

Result<std::string> text_of(const json& object, const char* key, std::string_view owner) {
    const json* value = member(object, key);
    if (value == nullptr || !value->is_string()) return invalid(fmt::format("{} has no text '{}'", owner, key));
    return value->get<std::string>();
}

Result<std::uint64_t> number_of(const json& object, const char* key, std::string_view owner) {
    const json* value = member(object, key);
    if (value == nullptr || !value->is_number_unsigned()) {
        return invalid(fmt::format("{} has no number '{}' of 0 or more", owner, key));
    }
    return value->get<std::uint64_t>();
}

bool is_hex(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](unsigned char c) { return std::isxdigit(c) != 0; });
}

Result<std::string> decode_hex(const std::string& hex) {
    if (hex.size() % 2 != 0 || !is_hex(hex)) {
        return invalid(fmt::format("'{}' is not an encoded path", printable(hex)));
    }
    std::string bytes;
    for (std::size_t i = 0; i < hex.size(); i += 2) {
        bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
    }
    return bytes;
}

// The checksum covers everything up to and including the newline before the last line (parse_manifest.c,
// verify_manifest_checksum).
Result<std::string_view> text_under_checksum(std::string_view text) {
    if (text.empty() || text.back() != '\n') return invalid("its last line is cut off");
    const std::size_t before_last = text.substr(0, text.size() - 1).rfind('\n');
    if (before_last == std::string_view::npos) return invalid("it has a single line");
    return text.substr(0, before_last + 1);
}

Status check_own_checksum(std::string_view text, const json& root) {
    const std::string_view covered = TRY(text_under_checksum(text));
    const std::string written = to_lower(TRY(text_of(root, "Manifest-Checksum", "it")));
    const std::string actual = checksum_of(ChecksumAlgorithm::sha256, covered);
    if (actual != written) return invalid(fmt::format("its checksum is {}, it says {}", actual, printable(written)));
    return {};
}

Result<std::string> parse_path(const json& entry) {
    if (entry.contains("Path") && entry.contains("Encoded-Path")) return invalid("a file has two paths");
    std::string path = entry.contains("Encoded-Path") ? TRY(decode_hex(TRY(text_of(entry, "Encoded-Path", "a file"))))
                                                      : TRY(text_of(entry, "Path", "a file"));
    if (path.empty()) return invalid("a file has an empty path");
    return path;
}

// `name` is the path for messages.
Status parse_checksum(const json& entry, const std::string& name, ManifestFile& file) {
    if (!entry.contains("Checksum-Algorithm")) {
        if (entry.contains("Checksum")) return invalid(fmt::format("'{}' has a checksum without algorithm", name));
        return {};
    }
    const std::string algorithm_name = TRY(text_of(entry, "Checksum-Algorithm", name));
    const auto algorithm = parse_checksum_algorithm(algorithm_name);
    if (!algorithm) {
        return invalid(fmt::format("'{}' has the unknown checksum algorithm '{}'", name, printable(algorithm_name)));
    }
    file.algorithm = *algorithm;
    if (file.algorithm == ChecksumAlgorithm::none) return {};
    file.checksum_hex = to_lower(TRY(text_of(entry, "Checksum", name)));
    if (file.checksum_hex.size() != hex_length(file.algorithm) || !is_hex(file.checksum_hex)) {
        return invalid(fmt::format("'{}' has the checksum '{}', which is not one of {}", name,
                                   printable(file.checksum_hex), algorithm_name));
    }
    return {};
}

Result<ManifestFile> parse_file(const json& entry) {
    if (!entry.is_object()) return invalid("a file is not an object");
    ManifestFile file;
    file.path = TRY(parse_path(entry));
    const std::string name = printable(file.path);
    file.size_bytes = TRY(number_of(entry, "Size", name));
    TRY(parse_checksum(entry, name, file));
    return file;
}

Result<std::vector<ManifestFile>> parse_files(const json& root) {
    const json* entries = member(root, "Files");
    if (entries == nullptr || !entries->is_array()) return invalid("it has no list 'Files'");
    std::vector<ManifestFile> files;
    std::unordered_set<std::string> paths;
    for (const json& entry : *entries) {
        files.push_back(TRY(parse_file(entry)));
        if (!paths.insert(files.back().path).second) {
            return invalid(fmt::format("it names '{}' twice", printable(files.back().path)));
        }
    }
    return files;
}

// "2026-11-20 03:00:00 GMT" sorts as text. Programs print it.
std::string find_last_modified(const json& entries) {
    for (const json& entry : entries) {
        if (entry.value("Path", json()) == "backup_label" && entry.value("Last-Modified", json()).is_string()) {
            return printable(entry["Last-Modified"].get<std::string>());
        }
    }
    return {};
}

Result<std::string> lsn_of(const json& entry, const char* key) {
    std::string text = TRY(text_of(entry, key, "a WAL range"));
    if (!parse_lsn(text)) return invalid(fmt::format("'{}' is no WAL position", printable(text)));
    return text;
}

Result<std::vector<WalRange>> parse_wal_ranges(const json& root) {
    const json* entries = member(root, "WAL-Ranges");
    if (entries == nullptr || !entries->is_array()) return invalid("it has no list 'WAL-Ranges'");
    std::vector<WalRange> ranges;
    for (const json& entry : *entries) {
        if (!entry.is_object()) return invalid("a WAL range is not an object");
        const std::uint64_t timeline = TRY(number_of(entry, "Timeline", "a WAL range"));
        if (timeline == 0 || timeline > UINT32_MAX) return invalid(fmt::format("{} is not a timeline", timeline));
        WalRange& range = ranges.emplace_back();
        range.timeline = static_cast<std::uint32_t>(timeline);
        range.start_lsn = TRY(lsn_of(entry, "Start-LSN"));
        range.end_lsn = TRY(lsn_of(entry, "End-LSN"));
    }
    return ranges;
}

Result<Manifest> read_fields(const json& root) {
    Manifest manifest;
    const std::uint64_t version = TRY(number_of(root, "PostgreSQL-Backup-Manifest-Version", "it"));
    if (version != 1 && version != 2) return invalid(fmt::format("its version {} is not known (1, 2)", version));
    manifest.version = static_cast<int>(version);
    if (version >= 2) manifest.system_identifier = TRY(number_of(root, "System-Identifier", "it"));
    manifest.files = TRY(parse_files(root));
    manifest.last_modified = find_last_modified(root["Files"]);
    manifest.wal_ranges = TRY(parse_wal_ranges(root));
    return manifest;
}

}  // namespace

std::uint64_t Manifest::total_bytes() const {
    return std::accumulate(files.begin(), files.end(), std::uint64_t{0},
                           [](std::uint64_t sum, const ManifestFile& file) { return sum + file.size_bytes; });
}

std::string Manifest::end_lsn() const {
    const auto last = std::max_element(wal_ranges.begin(), wal_ranges.end(), [](const WalRange& a, const WalRange& b) {
        return parse_lsn(a.end_lsn).value_or(0) < parse_lsn(b.end_lsn).value_or(0);
    });
    return last == wal_ranges.end() ? "" : last->end_lsn;
}

const ManifestFile* Manifest::find(std::string_view path) const {
    const auto found = std::find_if(files.begin(), files.end(), [&](const auto& file) { return file.path == path; });
    return found == files.end() ? nullptr : &*found;
}

Result<Manifest> parse_manifest(std::string_view text) {
    const json root = json::parse(text, nullptr, /*allow_exceptions=*/false);
    if (root.is_discarded() || !root.is_object()) return invalid("it is not complete JSON");
    TRY(check_own_checksum(text, root));
    return read_fields(root);
}

}  // namespace polygon::backup
