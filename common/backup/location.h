// Which base backup lies in a directory, and whether it is all there.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "common/backup/manifest.h"
#include "common/base/result.h"
#include "common/fs/file.h"

namespace polygon::backup {

enum class Format { plain, tar };

// One stream of members. In plain format a directory: the backup itself, pg_wal where that is a link, and each
// tablespace that is a link.
struct Archive {
    enum class Kind { base, wal, tablespace };
    fs::Path path;
    Kind kind = Kind::base;
    std::uint32_t tablespace_oid = 0;  // of a tablespace
};

struct WalPosition {
    std::uint32_t timeline = 0;
    std::uint64_t lsn = 0;
    bool operator==(const WalPosition&) const = default;
};

struct Backup {
    fs::Path directory;
    Format format = Format::tar;
    std::vector<Archive> archives;  // base first, then WAL, then tablespaces by oid
    std::string label;              // the directory's name
    // Without a backup_manifest: no files, and as WAL range where backup_label says that recovery begins, without end.
    Manifest manifest;
    bool has_manifest = true;
    // Of an incremental one: where the backup began that it continues, and all that it is to be combined with, oldest
    // first. None of them has earlier ones of its own.
    std::optional<WalPosition> continues;
    std::vector<Backup> earlier;
};

// Whether a backup that was taken with --no-manifest will do, of which nothing can be verified but the archives
// themselves.
enum class MissingManifest { refused, accepted };

// An incomplete backup that a newer or older complete one was preferred to.
struct PassedOver {
    std::string label;
    std::string reason;
};

struct Located {
    Backup backup;
    std::vector<PassedOver> passed_over;
};

// `directory` is a base backup, or a folder of them: then the newest complete one. Complete means: backup_manifest is
// there and checks, and so are the base archive (or PG_VERSION) and each tablespace archive; an incremental backup is
// complete if all that it continues is complete and in the same folder (chain.h). Newest: by the time of backup_label,
// then by where its WAL ends. Nothing beyond backup_manifest is read, and of incremental backups backup_label. In a
// folder a backup without a manifest never counts: it cannot be told from one whose copy has not ended.
// Errors: backup_missing; backup_incomplete and backup_corrupt (a manifest that does not check) if `directory` itself
// is such a backup; backup_incomplete if a folder holds no complete one.
Result<Located> locate_backup(const fs::Path& directory, MissingManifest missing = MissingManifest::refused);

// The full backup in exactly this directory. Errors as above; unsupported for an incremental one.
Result<Backup> open_backup(const fs::Path& directory, MissingManifest missing = MissingManifest::refused);

}  // namespace polygon::backup
