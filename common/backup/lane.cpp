#include "common/backup/lane.h"

#include <algorithm>
#include <optional>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/base/printable.h"

namespace polygon::backup {
namespace {

constexpr std::uint64_t kMostBytesInMemory = 1U << 20;  // of pg_control, tablespace_map, what is left out
// Of a file that the manifest does not cover: a WAL segment's limit.
constexpr std::uint64_t kMostBytesUnchecked = 1ULL << 30;
constexpr std::string_view kWalFolder = "pg_wal/";

std::uint64_t most_bytes_of(const Expectation& expected, const Member& member) {
    if (expected.file != nullptr) return expected.file->size_bytes;
    return expected.standing == Standing::unlisted ? member.size_bytes : kMostBytesUnchecked;
}

}  // namespace

// One file on its way through.
struct Lane::Passage {
    std::string path;  // as the manifest names it
    Expectation expected;
    bool is_written = false;  // it has a place in the target
    bool is_told = false;     // of what is left out
    std::optional<FileWriter> file;
    std::optional<std::string> memory;  // instead, of what is not written now
    std::uint64_t most_bytes = 0;       // never writes more: no bomb fills the disk
};

Shared::Shared(const RestoreRequest& restore_request, Purpose its_purpose, KnownChecksum known)
    : request(restore_request),
      purpose(its_purpose),
      known_checksum(std::move(known)),
      verifier(request.backup, request.on_problem),
      tablespaces(request),
      tally(request.backup.manifest, request.on_progress) {}

bool Shared::is_left_out(const std::string& path) const {
    return request.is_left_out && request.is_left_out(path);
}

Status Shared::tell_left_out(const std::string& path, const std::optional<std::string>& content) {
    const std::lock_guard lock(left_out_mutex);
    return request.on_left_out(path, content);
}

Status Shared::place_mapped_tablespaces(const std::string& map) {
    for (const auto& [oid, path] : TRY(parse_tablespace_map(map))) {
        TRY(require_archive(request.backup, oid, path));
        tablespaces.note_mapped(oid);
        if (purpose == Purpose::restore) TRY(tablespaces.place(oid, path));
    }
    tablespaces.settle();
    return {};
}

Status Lane::take(MemberReader& reader) {
    if (shared_.purpose == Purpose::restore) TRY(open_target());
    while (!shared_.is_cancelled) {
        const auto member = TRY(reader.next());
        if (!member) break;
        TRY(take_member(reader, *member));
    }
    return {};
}

// A tablespace that neither tablespace_map nor a link places is an in-place one: a directory under pg_tblspc.
Status Lane::open_target() {
    fs::Path root = shared_.request.data_directory;
    if (archive_.kind == Archive::Kind::tablespace) {
        shared_.tablespaces.wait_until_settled();
        if (shared_.is_cancelled) return {};
        const auto place = shared_.tablespaces.find(archive_.tablespace_oid);
        is_target_tablespace_ = place.has_value();
        if (place) root = *place;
    }
    target_ = TRY(Target::open(root));
    return {};
}

std::string Lane::path_of(const Member& member) const {
    switch (archive_.kind) {
        case Archive::Kind::wal:
            return fmt::format("{}{}", kWalFolder, member.path);
        case Archive::Kind::tablespace:
            return fmt::format("pg_tblspc/{}/{}", archive_.tablespace_oid, member.path);
        case Archive::Kind::base:
            break;
    }
    return member.path;
}

const std::string& Lane::path_in_target(const std::string& path, const Member& member) const {
    return is_target_tablespace_ ? member.path : path;
}

Status Lane::take_member(MemberReader& reader, const Member& member) {
    if (archive_.kind == Archive::Kind::base && member.type == Member::Type::directory) {
        if (const auto oid = tablespace_of_link(member.path)) shared_.tablespaces.note_directory(*oid);
    }
    switch (member.type) {
        case Member::Type::link:
            return take_link(member);
        case Member::Type::file:
            return take_file(reader, member);
        case Member::Type::directory:
            break;
    }
    const std::string path = path_of(member);
    if (!target_ || shared_.is_left_out(path)) return {};
    return target_->make_directory(path_in_target(path, member));
}

Status Lane::take_link(const Member& member) {
    if (archive_.kind == Archive::Kind::base) {
        if (const auto oid = tablespace_of_link(member.path)) {
            shared_.tablespaces.note_link(*oid, member.link_target);  // the link itself is ours to make
            return {};
        }
        const bool is_plain = shared_.request.backup.format == Format::plain;
        if (is_plain && member.path == "pg_wal") return {};  // an archive of its own
    }
    return refused_member(archive_.path, member.path, "is a symbolic link");
}

Status Lane::take_file(MemberReader& reader, const Member& member) {
    Passage passage{.path = path_of(member)};
    if (passage.path == "backup_manifest") return {};
    passage.expected = shared_.verifier.expect(passage.path);
    if (passage.expected.standing == Standing::not_wanted) return {};
    const ManifestFile* file = passage.expected.file;
    if (passage.expected.standing == Standing::exempt && member.size_bytes > kMostBytesUnchecked) {
        return refused_member(archive_.path, passage.path, "is larger than any WAL segment");
    }
    if (const auto known = find_known_checksum(passage, member)) {
        shared_.tally.add_taken(member.size_bytes);
        shared_.tally.add_verified(member.size_bytes);
        return settle(passage, member.size_bytes, *known);
    }
    passage.most_bytes = most_bytes_of(passage.expected, member);
    TRY(open_destination(passage, reader, member));
    Checksum checksum(file == nullptr ? ChecksumAlgorithm::none : file->algorithm);
    const std::uint64_t size_bytes = TRY(copy(passage, reader, checksum));
    if (shared_.is_cancelled) return {};
    return settle(passage, size_bytes, checksum.finish());
}

// What is acted upon has to be read all the same.
std::optional<std::string> Lane::find_known_checksum(const Passage& passage, const Member& member) const {
    const ManifestFile* file = passage.expected.file;
    const bool is_wanted = passage.path == kControlFile || passage.path == kTablespaceMap;
    if (!shared_.known_checksum || file == nullptr || is_wanted) return std::nullopt;
    return shared_.known_checksum(archive_.path / member.path, file->algorithm);
}

// pg_control waits in memory until all else is on disk; tablespace_map is ours to use up, as the server would do with
// it, unless it is empty. WAL stays in the page cache: it is checked and replayed next.
Status Lane::open_destination(Passage& passage, MemberReader& reader, const Member& member) {
    const bool is_map = passage.path == kTablespaceMap && member.size_bytes > 0;
    if (passage.path == kControlFile || is_map) {
        if (member.size_bytes > kMostBytesInMemory) {
            return refused_member(archive_.path, passage.path, "is larger than 1 MiB");
        }
        passage.memory.emplace();
        passage.most_bytes = std::min(passage.most_bytes, kMostBytesInMemory);
        return {};
    }
    if (!target_) return {};
    if (shared_.is_left_out(passage.path)) {
        passage.is_told = shared_.request.on_left_out != nullptr;
        const bool is_small = member.size_bytes <= kMostBytesInMemory &&
                              (passage.most_bytes <= kMostBytesInMemory || passage.expected.file == nullptr);
        if (passage.is_told && is_small) passage.memory.emplace();
        return {};
    }
    const std::string& path = path_in_target(passage.path, member);
    fs::Fd file = TRY(target_->create_file(path));
    passage.is_written = true;
    if (reader.share_content(file)) return {};
    const bool is_wal = passage.path.starts_with(kWalFolder);
    passage.file.emplace(std::move(file), target_->root() / path, std::min(member.size_bytes, passage.most_bytes),
                         is_wal ? Retention::cached : Retention::dropped, stages_);
    return {};
}

Result<std::uint64_t> Lane::copy(Passage& passage, MemberReader& reader, Checksum& checksum) {
    std::uint64_t size_bytes = 0;
    while (!shared_.is_cancelled) {
        const Block block = TRY(reader.read());
        if (block.is_empty()) break;
        checksum.update(block.bytes);
        const std::uint64_t room = passage.most_bytes - std::min(passage.most_bytes, size_bytes);
        const auto wanted = block.bytes.first(std::min<std::uint64_t>(block.bytes.size(), room));
        TRY(write(passage, wanted));
        size_bytes += block.bytes.size();
        if (passage.expected.standing == Standing::exempt && size_bytes > passage.most_bytes) {
            return refused_member(archive_.path, passage.path, "is larger than any WAL segment");
        }
        if (passage.expected.standing != Standing::exempt) shared_.tally.add_verified(wanted.size());
    }
    if (passage.file) TRY(passage.file->finish());
    return size_bytes;
}

Status Lane::write(Passage& passage, std::span<const std::byte> bytes) {
    if (passage.memory) passage.memory->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (passage.is_written || !target_) shared_.tally.add_taken(bytes.size());
    return passage.file ? passage.file->append(bytes) : Status();
}

Status Lane::settle(const Passage& passage, std::uint64_t size_bytes, const std::string& checksum_hex) {
    if (passage.is_written || passage.path == kControlFile || !target_) shared_.tally.add_taken_file();
    if (passage.path == kControlFile) shared_.control_file = *passage.memory;
    if (passage.path.starts_with(kWalFolder)) {
        const std::lock_guard lock(shared_.wal_mutex);
        shared_.wal.add(std::string_view(passage.path).substr(kWalFolder.size()), size_bytes);
    }
    const ManifestFile* file = passage.expected.file;
    if (passage.expected.standing == Standing::exempt) {
        return passage.is_told ? shared_.tell_left_out(passage.path, passage.memory) : Status();
    }
    shared_.tally.add_verified_file();
    if (file == nullptr && size_bytes != passage.most_bytes) shared_.verifier.note_change(passage.path);
    const bool is_right = file == nullptr || shared_.verifier.compare(*file, size_bytes, checksum_hex);
    if (passage.is_told && is_right) TRY(shared_.tell_left_out(passage.path, passage.memory));
    if (passage.path != kTablespaceMap || !passage.memory) return {};
    if (!is_right) return shared_.verifier.summary();  // not to be acted upon
    return shared_.place_mapped_tablespaces(*passage.memory);
}

}  // namespace polygon::backup
