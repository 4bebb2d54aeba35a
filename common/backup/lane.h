// One archive's way into the data directory. Several lanes run side by side, each in a thread.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <string>

#include "common/backup/input/member_reader.h"
#include "common/backup/output/file_writer.h"
#include "common/backup/output/target.h"
#include "common/backup/restore.h"
#include "common/backup/tablespaces.h"
#include "common/backup/tally.h"
#include "common/backup/verifier.h"
#include "common/backup/wal_segments.h"

namespace polygon::backup {

inline constexpr std::string_view kControlFile = "global/pg_control";
inline constexpr std::string_view kTablespaceMap = "tablespace_map";

// Whether the backup becomes a data directory, or is only read.
enum class Purpose { restore, check };

// What the lanes of one restore know together. Each part takes care of its own locking.
struct Shared {
    Shared(const RestoreRequest& restore_request, Purpose its_purpose, KnownChecksum known = {});

    // Chooses places for the tablespaces of tablespace_map. Errors: as Tablespaces::place(); backup_incomplete.
    Status place_mapped_tablespaces(const std::string& map);
    bool is_left_out(const std::string& path) const;
    Status tell_left_out(const std::string& path, const std::optional<std::string>& content);

    const RestoreRequest& request;
    const Purpose purpose;
    const KnownChecksum known_checksum;  // none when restoring
    Verifier verifier;
    Tablespaces tablespaces;
    Tally tally;
    std::mutex left_out_mutex;
    std::mutex wal_mutex;
    WalSegments wal;
    std::string control_file;  // written by the one lane that meets it
    std::atomic<bool> is_cancelled = false;
};

class Lane {
  public:
    // Both outlive it.
    Lane(Shared& shared, const Archive& archive) : shared_(shared), archive_(archive), stages_(kStageBytes) {}

    // To the archive's end, or until the restore is cancelled.
    Status take(MemberReader& reader);

  private:
    static constexpr std::size_t kStageBytes = 1U << 20;
    struct Passage;

    Status open_target();
    Status take_member(MemberReader& reader, const Member& member);
    Status take_link(const Member& member);
    Status take_file(MemberReader& reader, const Member& member);
    std::optional<std::string> find_known_checksum(const Passage& passage, const Member& member) const;
    Status open_destination(Passage& passage, MemberReader& reader, const Member& member);
    Result<std::uint64_t> copy(Passage& passage, MemberReader& reader, Checksum& checksum);
    Status write(Passage& passage, std::span<const std::byte> bytes);
    Status settle(const Passage& passage, std::uint64_t size_bytes, const std::string& checksum_hex);
    // Beneath the data directory, as the manifest has it; beneath the target's root.
    std::string path_of(const Member& member) const;
    const std::string& path_in_target(const std::string& path, const Member& member) const;

    Shared& shared_;
    const Archive& archive_;
    BufferPool stages_;
    std::unique_ptr<Target> target_;  // none when only checking
    bool is_target_tablespace_ = false;
};

}  // namespace polygon::backup
