// A whole base archive on its way through a lane that only checks, under a manifest made of what the archive holds.
#include <algorithm>
#include <set>

#include "common/backup/lane.h"
#include "tests/fuzz/tar_members.h"

namespace polygon::backup::fuzz {
namespace {

constexpr std::string_view kManifestFile = "backup_manifest";  // a member that nobody looks at

const Archive kBase = {.path = "/b/base.tar"};

Manifest manifest_of(const SeenArchive& archive) {
    Manifest manifest{.version = 1};
    std::set<std::string_view> paths;
    for (const SeenMember& member : archive.members) {
        if (member.type != Member::Type::file || member.path == kManifestFile) continue;
        if (!paths.insert(member.path).second) continue;
        manifest.files.push_back({.path = member.path,
                                  .size_bytes = member.size_bytes,
                                  .algorithm = ChecksumAlgorithm::crc32c,
                                  .checksum_hex = member.checksum});
    }
    return manifest;
}

bool has_repeated_file(const SeenArchive& archive, const Manifest& manifest) {
    const auto files = std::count_if(archive.members.begin(), archive.members.end(), [](const SeenMember& member) {
        return member.type == Member::Type::file && member.path != kManifestFile;
    });
    return static_cast<std::size_t>(files) != manifest.files.size();
}

enum class Finding { sound, problems, refused };

Finding check(std::string_view bytes, const Manifest& manifest) {
    const Backup backup{.archives = {kBase}, .label = "b", .manifest = manifest};
    const RestoreRequest request{.backup = backup};
    Shared shared(request, Purpose::check, {});
    const auto reader = open_tar(bytes, Cut::varying);
    if (!reader) return Finding::refused;
    const Status status = Lane(shared, backup.archives.front()).take(*reader);
    if (!status) {
        require_refusal_of_backup(status.error());
        return Finding::refused;
    }
    shared.verifier.note_missing();
    if (!shared.verifier.has_problems()) return Finding::sound;
    require_refusal_of_backup(shared.verifier.summary());
    return Finding::problems;
}

// One that the verifier looks at (PostgreSQL's pg_verifybackup leaves these out).
bool is_compared(const ManifestFile& file) {
    return !file.path.starts_with("pg_wal/") && file.path != "postgresql.auto.conf" && file.path != "recovery.signal" &&
           file.path != "standby.signal";
}

// Every single file that differs from its manifest is noticed: the first and the last stand for all.
void require_differences_noticed(std::string_view bytes, const Manifest& manifest) {
    for (const std::size_t at : {std::size_t{0}, manifest.files.size() - 1}) {
        if (!is_compared(manifest.files[at])) continue;
        Manifest other = manifest;
        other.files[at].checksum_hex.back() = other.files[at].checksum_hex.back() == '0' ? '1' : '0';
        require(check(bytes, other) != Finding::sound, "another checksum is not noticed");
        other = manifest;
        ++other.files[at].size_bytes;
        require(check(bytes, other) != Finding::sound, "another size is not noticed");
        other = manifest;
        other.files[at].path += "x";
        require(check(bytes, other) != Finding::sound, "another name is not noticed");
    }
}

Verdict feed(std::string_view bytes) {
    const SeenArchive archive = read_tar(bytes, Cut::none);
    const Manifest manifest = manifest_of(archive);
    const Finding finding = check(bytes, manifest);
    if (archive.verdict == Verdict::refused) {
        require(finding == Finding::refused, "what the tar reader refuses is checked and found good");
        return Verdict::refused;
    }
    require(finding == Finding::refused || (finding == Finding::problems) == has_repeated_file(archive, manifest),
            "the manifest of an archive does not fit it");
    if (finding == Finding::sound && !manifest.files.empty()) require_differences_noticed(bytes, manifest);
    return finding == Finding::sound ? Verdict::accepted : Verdict::refused;
}

}  // namespace

Verdict feed_archive(std::string_view bytes) {
    feed(with_header_checksums(bytes));
    return feed(bytes);
}

}  // namespace polygon::backup::fuzz
