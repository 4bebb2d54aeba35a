// Base backups made by hand, sound or broken in one place.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "common/backup/location.h"
#include "common/backup/restore.h"
#include "common/fs/file.h"

namespace polygon::backup::test {

// Removed at the end of the test.
class TemporaryDirectory {
  public:
    TemporaryDirectory();
    ~TemporaryDirectory();
    TemporaryDirectory(const TemporaryDirectory&) = delete;
    TemporaryDirectory& operator=(const TemporaryDirectory&) = delete;
    const fs::Path& path() const { return path_; }
    fs::Path operator/(const std::string& name) const { return path_ / name; }

  private:
    fs::Path path_;
};

struct TarMember {
    std::string name;
    std::string content;
    char type = '0';  // '1' hard link, '2' symbolic link, '3' device, '5' directory, '6' FIFO
    std::string link;
    unsigned mode = 0600;
};

std::string tar_member(const TarMember& member);
// With the two blocks of zeros that end an archive.
std::string tar(const std::vector<TarMember>& members);
// By gzip(1): one member, its header naming the file.
std::string gzip(const std::string& bytes);

using Members = std::vector<TarMember>;

inline const std::string kBackupLabel =
    "START WAL LOCATION: 0/100028 (file 000000010000000000000001)\nSTART TIME: 2026-11-20 03:00:00 UTC\nLABEL: small\n";

// A whole small backup: a few files, an empty directory, one WAL segment of 1 MiB.
struct Sample {
    Sample();
    Members base;
    Members wal;
    std::map<std::uint32_t, Members> tablespaces;
    ChecksumAlgorithm algorithm = ChecksumAlgorithm::crc32c;
    std::string last_modified = "2026-11-20 03:00:00 GMT";
    std::string start_lsn = "0/100028";  // of the manifest's WAL range
    std::string end_lsn = "0/100100";
    std::string manifest;  // seal() writes it

    TarMember& member(const std::string& name);
    void remove(const std::string& name);
    // Begins at that LSN (begin_at) and continues, if one is given, the backup that began there: of PostgreSQL 17, with
    // an incremental file.
    void become_link(const std::string& begin_at, const std::string& continues = "");
    void add_tablespace(std::uint32_t oid, const std::string& production_path);
    // Writes the manifest of what is there now; changes after it are damage.
    void seal();
    std::string unsealed_manifest() const;
    void write_tar(const fs::Path& directory) const;
    void write_gzip(const fs::Path& directory) const;
    void write_plain(const fs::Path& directory) const;
};

// Appends "Manifest-Checksum" to everything before it.
std::string with_checksum(const std::string& text);
void write(const fs::Path& path, const std::string& content);
std::string read(const fs::Path& path);
std::string replaced(std::string text, const std::string& from, const std::string& to);

// Locates the backup in `directory` and restores it into `target`.
Result<Restored> restore_into(const fs::Path& directory, const fs::Path& target);
Result<Restored> restore_into(const fs::Path& directory, const fs::Path& target, TablespaceMapping tablespaces);

// Restores what has to fail, and proves that what is left cannot be started.
Error failure_of(const fs::Path& directory, const fs::Path& target);

inline const std::string kCopyAgainHint = "Copy the backup again, or restore another one.";

}  // namespace polygon::backup::test
