#include "common/backup/restore.h"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <optional>

#include <fmt/format.h>

#include "common/backup/damage.h"
#include "common/backup/input/member_reader.h"
#include "common/backup/output/target.h"
#include "common/backup/tablespaces.h"
#include "common/backup/verifier.h"
#include "common/backup/wal_segments.h"

namespace polygon::backup {
namespace {

constexpr std::string_view kControlFile = "global/pg_control";
constexpr std::string_view kTablespaceMap = "tablespace_map";
constexpr std::uint64_t kMostBytesInMemory = 1U << 20;  // of the two files above
constexpr std::uint64_t kMostBytesUnchecked =
    1ULL << 30;  // of a file that the manifest does not cover: a WAL segment's limit

// One file on its way through.
struct Passage {
    const Archive& archive;
    std::string path;  // as the manifest names it
    Expectation expected;
    std::optional<fs::Fd> file;
    std::string destination;  // for messages
    std::string* memory = nullptr;
    std::uint64_t most_bytes = 0;  // never writes more: no bomb fills the disk
};

// Whether the backup becomes a data directory, or is only read.
enum class Purpose { restore, check };

class Restorer {
  public:
    Restorer(const RestoreRequest& request, Purpose purpose)
        : request_(request),
          purpose_(purpose),
          verifier_(request.backup.manifest, request.on_problem),
          tablespaces_(request) {
        progress_.bytes_total = request.backup.manifest.total_bytes();
        progress_.files_total = request.backup.manifest.files.size();
    }

    Status prepare();
    Status take_archives();
    Status check();
    Status finish();
    Restored result() const;

  private:
    Status place_linked_tablespaces();
    Status place_mapped_tablespaces(const std::string& map);
    Status link_tablespaces();
    Status take_archive(const Archive& archive);
    Status take_member(const Archive& archive, MemberReader& reader, const Member& member);
    Status take_link(const Archive& archive, const Member& member);
    Status take_file(const Archive& archive, MemberReader& reader, const Member& member);
    Status open_destination(Passage& passage, const Member& member);
    Result<std::uint64_t> copy(Passage& passage, MemberReader& reader, Checksum& checksum);
    Status write(Passage& passage, std::span<const std::byte> bytes);
    Status settle(const Passage& passage, std::uint64_t size_bytes, const std::string& checksum_hex);
    Target& target_of(const Archive& archive);
    std::string path_of(const Archive& archive, const std::string& member) const;
    bool is_left_out(const std::string& path) const { return request_.is_left_out && request_.is_left_out(path); }
    void report() const {
        if (request_.on_progress) request_.on_progress(progress_);
    }

    const RestoreRequest& request_;
    Purpose purpose_;
    Verifier verifier_;
    Tablespaces tablespaces_;
    WalSegments wal_;
    std::unique_ptr<Target> data_;
    std::map<std::uint32_t, std::string> links_;  // where pg_tblspc's links in the backup point
    std::string control_file_;
    std::string tablespace_map_;
    Progress progress_;
    std::uint64_t bytes_ = 0;
    std::uint64_t files_ = 0;
};

Status Restorer::prepare() {
    const std::size_t entries = TRY(count_entries(request_.data_directory, request_.is_left_out));
    if (entries > 0) {
        return Error{.code = Errc::data_directory_occupied,
                     .message = fmt::format("data directory '{}' is not empty ({} entries)",
                                            request_.data_directory.string(), entries),
                     .hint = "Move it away, or let polygon-rebuild set it aside."};
    }
    if (request_.backup.format == Format::plain) TRY(place_linked_tablespaces());
    data_ = TRY(Target::open(request_.data_directory));
    return {};
}

// In plain format everything is known before the first byte: tablespace_map if there is one, else where the links
// point.
Status Restorer::place_linked_tablespaces() {
    const fs::Path map = request_.backup.directory / kTablespaceMap;
    std::error_code error;
    if (std::filesystem::exists(map, error)) TRY(place_mapped_tablespaces(TRY(fs::read_file(map))));
    for (const Archive& archive : request_.backup.archives) {
        if (archive.kind != Archive::Kind::tablespace) continue;
        const fs::Path production = std::filesystem::read_symlink(archive.path, error);
        if (error) return errno_error(Errc::io, fmt::format("cannot read '{}'", archive.path.string()), error.value());
        TRY(tablespaces_.place(archive.tablespace_oid, production));
    }
    return {};
}

Status Restorer::place_mapped_tablespaces(const std::string& map) {
    const auto& archives = request_.backup.archives;
    for (const auto& [oid, path] : TRY(parse_tablespace_map(map))) {
        const bool has_archive = std::any_of(archives.begin(), archives.end(), [oid = oid](const Archive& archive) {
            return archive.tablespace_oid == oid;
        });
        if (!has_archive) {
            return Error{.code = Errc::backup_incomplete,
                         .message = fmt::format("backup '{}' is incomplete: no archive of tablespace {} ('{}')",
                                                request_.backup.label, oid, printable(path)),
                         .hint = std::string(kCopyAgain)};
        }
        if (purpose_ == Purpose::restore) TRY(tablespaces_.place(oid, path));
    }
    return {};
}

Status Restorer::take_archives() {
    for (const Archive& archive : request_.backup.archives) {
        TRY(take_archive(archive));
        if (archive.kind == Archive::Kind::base && purpose_ == Purpose::restore) TRY(link_tablespaces());
    }
    return {};
}

// A tablespace that neither tablespace_map nor a link places is an in-place one: a directory under pg_tblspc.
Status Restorer::link_tablespaces() {
    for (const Archive& archive : request_.backup.archives) {
        const auto link = links_.find(archive.tablespace_oid);
        if (link != links_.end()) TRY(tablespaces_.place(link->first, link->second));
    }
    TRY(data_->make_directory("pg_tblspc"));
    return tablespaces_.link_from(*data_);
}

Status Restorer::take_archive(const Archive& archive) {
    const auto reader = TRY(open_members(request_.backup.format, archive));
    while (const auto member = TRY(reader->next()))
        TRY(take_member(archive, *reader, *member));
    return {};
}

Target& Restorer::target_of(const Archive& archive) {
    Target* tablespace = tablespaces_.find(archive.tablespace_oid);
    return tablespace == nullptr ? *data_ : *tablespace;
}

std::string Restorer::path_of(const Archive& archive, const std::string& member) const {
    switch (archive.kind) {
        case Archive::Kind::wal:
            return fmt::format("pg_wal/{}", member);
        case Archive::Kind::tablespace:
            return fmt::format("pg_tblspc/{}/{}", archive.tablespace_oid, member);
        case Archive::Kind::base:
            break;
    }
    return member;
}

Status Restorer::take_member(const Archive& archive, MemberReader& reader, const Member& member) {
    switch (member.type) {
        case Member::Type::link:
            return take_link(archive, member);
        case Member::Type::file:
            return take_file(archive, reader, member);
        case Member::Type::directory:
            break;
    }
    const std::string path = path_of(archive, member.path);
    if (purpose_ == Purpose::check || is_left_out(path)) return {};
    Target& target = target_of(archive);
    return target.make_directory(&target == data_.get() ? path : member.path);
}

Status Restorer::take_link(const Archive& archive, const Member& member) {
    if (archive.kind == Archive::Kind::base) {
        if (const auto oid = tablespace_of_link(member.path)) {
            links_[*oid] = member.link_target;  // the link itself is ours to make
            return {};
        }
        if (request_.backup.format == Format::plain && member.path == "pg_wal") return {};  // an archive of its own
    }
    return refused_member(archive.path, member.path, "is a symbolic link");
}

Status Restorer::take_file(const Archive& archive, MemberReader& reader, const Member& member) {
    Passage passage{.archive = archive, .path = path_of(archive, member.path)};
    if (passage.path == "backup_manifest") return {};
    passage.expected = verifier_.expect(passage.path);
    if (passage.expected.standing == Standing::not_wanted) return {};
    const ManifestFile* file = passage.expected.file;
    passage.most_bytes = file == nullptr ? kMostBytesUnchecked : file->size_bytes;
    TRY(open_destination(passage, member));
    Checksum checksum(file == nullptr ? ChecksumAlgorithm::none : file->algorithm);
    const std::uint64_t size_bytes = TRY(copy(passage, reader, checksum));
    return settle(passage, size_bytes, checksum.finish());
}

// pg_control waits in memory until all else is on disk; tablespace_map is ours to use up, as the server would do with
// it.
Status Restorer::open_destination(Passage& passage, const Member& member) {
    if (passage.path == kControlFile) passage.memory = &control_file_;
    if (passage.path == kTablespaceMap) passage.memory = &tablespace_map_;
    if (passage.memory != nullptr) {
        passage.most_bytes = std::min(passage.most_bytes, kMostBytesInMemory);
        return {};
    }
    if (purpose_ == Purpose::check || is_left_out(passage.path)) return {};
    Target& target = target_of(passage.archive);
    const std::string& path = &target == data_.get() ? passage.path : member.path;
    passage.destination = target.root() / path;
    passage.file = TRY(target.create_file(path));
    return {};
}

Result<std::uint64_t> Restorer::copy(Passage& passage, MemberReader& reader, Checksum& checksum) {
    std::uint64_t size_bytes = 0;
    while (true) {
        const auto block = TRY(reader.read());
        if (block.empty()) return size_bytes;
        checksum.update(block);
        const std::uint64_t room = passage.most_bytes - std::min(passage.most_bytes, size_bytes);
        TRY(write(passage, block.first(std::min<std::uint64_t>(block.size(), room))));
        size_bytes += block.size();
        if (passage.expected.standing == Standing::exempt && size_bytes > passage.most_bytes) {
            return refused_member(passage.archive.path, passage.path, "is larger than any WAL segment");
        }
        if (passage.expected.file != nullptr) {
            progress_.bytes_done += std::min<std::uint64_t>(block.size(), room);
            report();
        }
    }
}

Status Restorer::write(Passage& passage, std::span<const std::byte> bytes) {
    if (passage.memory != nullptr) passage.memory->append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    if (passage.file || purpose_ == Purpose::check) bytes_ += bytes.size();
    if (!passage.file) return {};
    return fs::write_all(*passage.file, bytes, passage.destination);
}

Status Restorer::settle(const Passage& passage, std::uint64_t size_bytes, const std::string& checksum_hex) {
    if (passage.file || passage.memory == &control_file_ || purpose_ == Purpose::check) ++files_;
    if (passage.path.starts_with("pg_wal/")) wal_.add(std::string_view(passage.path).substr(7), size_bytes);
    if (passage.expected.file == nullptr) return {};
    ++progress_.files_done;
    report();
    const bool is_right = verifier_.compare(*passage.expected.file, size_bytes, checksum_hex);
    if (passage.path != kTablespaceMap) return {};
    if (!is_right) return verifier_.summary(request_.backup.label);  // not to be acted upon
    return place_mapped_tablespaces(tablespace_map_);
}

Status Restorer::check() {
    verifier_.note_missing();
    if (verifier_.has_problems()) return verifier_.summary(request_.backup.label);
    if (control_file_.empty()) {
        return Error{.code = Errc::backup_incomplete,
                     .message = fmt::format("backup '{}' has no global/pg_control", request_.backup.label),
                     .hint = std::string(kCopyAgain)};
    }
    if (request_.wal == Wal::elsewhere) return {};
    if (const auto missing = wal_.find_missing(request_.backup.manifest)) {
        return Error{.code = Errc::backup_incomplete,
                     .message = fmt::format("backup '{}' is incomplete: WAL segment {} is missing",
                                            request_.backup.label, *missing),
                     .hint = "Take the backup with --wal-method=stream, or configure recovery.restore_command."};
    }
    return {};
}

// Only now may PostgreSQL start from it.
Status Restorer::finish() {
    if (purpose_ == Purpose::check) return {};
    if (request_.check_wal && request_.wal == Wal::in_backup)
        TRY(request_.check_wal(request_.data_directory / "pg_wal"));
    TRY(data_->make_directory("pg_wal"));
    TRY(data_->make_directory("global"));
    for (const auto& [oid, tablespace] : tablespaces_.placed())
        TRY(fs::flush_filesystem(tablespace.path));
    TRY(fs::flush_filesystem(request_.data_directory));
    bytes_ += control_file_.size();
    return fs::write_file_durably(request_.data_directory / kControlFile, control_file_);
}

Restored Restorer::result() const {
    Restored restored{.bytes = bytes_, .files = files_};
    for (const auto& [oid, tablespace] : tablespaces_.placed())
        restored.tablespaces.push_back(tablespace);
    return restored;
}

}  // namespace

Result<Restored> restore(const RestoreRequest& request, Clock& clock) {
    const auto start = clock.now();
    Restorer restorer(request, Purpose::restore);
    TRY(restorer.prepare());
    TRY(restorer.take_archives());
    TRY(restorer.check());
    TRY(restorer.finish());
    Restored restored = restorer.result();
    restored.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - start);
    return restored;
}

Result<Restored> check(const CheckRequest& request, Clock& clock) {
    const auto start = clock.now();
    const RestoreRequest reading{.backup = request.backup,
                                 .wal = request.wal,
                                 .on_progress = request.on_progress,
                                 .on_problem = request.on_problem};
    Restorer restorer(reading, Purpose::check);
    TRY(restorer.take_archives());
    TRY(restorer.check());
    Restored checked = restorer.result();
    checked.elapsed = std::chrono::duration_cast<std::chrono::milliseconds>(clock.now() - start);
    return checked;
}

}  // namespace polygon::backup
